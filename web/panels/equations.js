import { html, mathml } from 'lit';

/** The field's equations, in its usual notation. */

export const x = (/** @type {unknown} */ sub) =>
  mathml`<msub><mi class="bold" mathvariant="normal">x</mi>${sub}</msub>`;
export const xt = x(mathml`<mi>t</mi>`);
const x0 = x(mathml`<mn>0</mn>`);
export const xPrevious = x(mathml`<mrow><mi>t</mi><mo>−</mo><mn>1</mn></mrow>`);
const alphaBar = (/** @type {unknown} */ sub) =>
  mathml`<msub><mover accent="true"><mi>α</mi><mo stretchy="false">¯</mo></mover>${sub}</msub>`;
export const alphaBarT = alphaBar(mathml`<mi>t</mi>`);
const alphaBarPrevious = alphaBar(mathml`<mrow><mi>t</mi><mo>−</mo><mn>1</mn></mrow>`);
export const noise = mathml`<mi class="bold" mathvariant="normal">ε</mi>`;
const network = mathml`<msub><mi class="bold" mathvariant="normal">ε</mi><mi>θ</mi></msub><mo>(</mo>${xt}<mo>,</mo
  ><mi>t</mi><mo>)</mo>`;
const guess = mathml`<msub
  ><mover accent="true"><mi class="bold" mathvariant="normal">x</mi><mo stretchy="false">^</mo></mover
  ><mn>0</mn></msub
>`;

/** q(x_t | x_0): any amount of noise in one step. */
export const forwardEquation = html`<math display="block" aria-label="q of x t given x 0">
  <mrow>
    <mi>q</mi><mo>(</mo>${xt}<mo>∣</mo>${x0}<mo>)</mo><mo>=</mo><mi>𝒩</mi> <mo>(</mo
    ><msqrt>${alphaBarT}</msqrt>${x0}<mo>,</mo><mspace width="0.3em" /><mo>(</mo><mn>1</mn>
    <mo>−</mo>${alphaBarT}<mo>)</mo><mi class="bold" mathvariant="normal">I</mi><mo>)</mo>
  </mrow>
</math>`;

/** The loss of Ho et al.: guess the noise. */
export const lossEquation = html`<math display="block" aria-label="L simple">
  <mrow>
    <msub><mi>L</mi><mtext>simple</mtext></msub
    ><mo>=</mo>
    <msub
      ><mi>𝔼</mi><mrow><mi>t</mi><mo>,</mo>${x0}<mo>,</mo>${noise}</mrow></msub
    >
    <msup
      ><mrow><mo>‖</mo>${noise}<mo>−</mo>${network}<mo>‖</mo></mrow
      ><mn>2</mn></msup
    >
  </mrow>
</math>`;

/** One step back, drawn from the posterior around the guess. */
const ddpmEquation = html`<math display="block" aria-label="DDPM update">
  <mrow>
    ${xPrevious}<mo>=</mo>
    <mfrac
      ><mrow
        ><msqrt>${alphaBarPrevious}</msqrt><msub><mi>β</mi><mi>t</mi></msub></mrow
      ><mrow><mn>1</mn><mo>−</mo>${alphaBarT}</mrow></mfrac
    >${guess}<mo>+</mo>
    <mfrac
      ><mrow
        ><msqrt
          ><msub><mi>α</mi><mi>t</mi></msub></msqrt
        ><mo>(</mo><mn>1</mn><mo>−</mo>${alphaBarPrevious}<mo>)</mo></mrow
      ><mrow><mn>1</mn><mo>−</mo>${alphaBarT}</mrow></mfrac
    >${xt}<mo>+</mo><msub><mi>σ</mi><mi>t</mi></msub
    ><mi class="bold" mathvariant="normal">z</mi>
  </mrow>
</math>`;

/** One step back along the direction of the guessed noise. */
const ddimEquation = html`<math display="block" aria-label="DDIM update">
  <mrow>
    ${xPrevious}<mo>=</mo><msqrt>${alphaBarPrevious}</msqrt>${guess}<mo>+</mo>
    <msqrt
      ><mrow
        ><mn>1</mn><mo>−</mo>${alphaBarPrevious}<mo>−</mo
        ><msubsup><mi>σ</mi><mi>t</mi><mn>2</mn></msubsup></mrow
      ></msqrt
    >
    ${network}<mo>+</mo><msub><mi>σ</mi><mi>t</mi></msub
    ><mi class="bold" mathvariant="normal">z</mi>
  </mrow>
</math>`;

/** @param {string} sampler */
export const updateEquation = (sampler) => (sampler === 'ddpm' ? ddpmEquation : ddimEquation);
