import { html, mathml } from 'lit';
import { alphaBarT, noise, x, xPrevious, xt } from './equations.js';

/** The equations of the three edits, in their papers' notation. */

const xT = (/** @type {string} */ seed) =>
  mathml`<msubsup><mi class="bold" mathvariant="normal">x</mi><mi>T</mi><mi>${seed}</mi></msubsup>`;
const sine = (/** @type {unknown} */ angle) =>
  mathml`<mfrac
    ><mrow><mi>sin</mi><mo>&#8289;</mo>${angle}</mrow
    ><mrow><mi>sin</mi><mo>&#8289;</mo><mi>θ</mi></mrow></mfrac
  >`;

/** Song et al. 2021, equation 67. */
const between = html`<math display="block" aria-label="Spherical interpolation">
  <mrow>
    ${x(mathml`<mi>T</mi>`)}<mo>=</mo>
    ${sine(mathml`<mrow><mo>(</mo><mn>1</mn><mo>−</mo><mi>λ</mi><mo>)</mo><mi>θ</mi></mrow>`)}${xT('A')}
    <mo>+</mo>${sine(mathml`<mrow><mi>λ</mi><mi>θ</mi></mrow>`)}${xT('B')}
  </mrow>
</math>`;

/** Meng et al. 2022, section 3.1, for processes that preserve variance. */
const redraw = html`<math display="block" aria-label="SDEdit's start">
  <mrow>
    ${xt}<mo>=</mo><msqrt>${alphaBarT}</msqrt
    ><msup><mi class="bold" mathvariant="normal">x</mi><mtext>picture</mtext></msup
    ><mo>+</mo
    ><msqrt
      ><mrow><mn>1</mn><mo>−</mo>${alphaBarT}</mrow></msqrt
    >${noise}
  </mrow>
</math>`;

const part = (/** @type {string} */ name) =>
  mathml`<msubsup><mi class="bold" mathvariant="normal">x</mi><mrow><mi>t</mi><mo>−</mo><mn>1</mn></mrow
    ><mtext>${name}</mtext></msubsup>`;

/** Lugmayr et al. 2022, equation 8c. */
const fill = html`<math display="block" aria-label="RePaint update">
  <mrow>
    ${xPrevious}<mo>=</mo><mi>m</mi><mo>⊙</mo>${part('known')}<mo>+</mo><mo>(</mo><mn>1</mn
    ><mo>−</mo><mi>m</mi><mo>)</mo><mo>⊙</mo>${part('unknown')}
  </mrow>
</math>`;

/** @type {Record<import('../element/editor.js').EditKind, unknown>} */
export const EDIT_EQUATIONS = { between, redraw, fill };
