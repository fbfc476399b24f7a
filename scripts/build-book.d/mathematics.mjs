// TeX to MathML, so that a page needs no script for its formulas.
import temml from 'temml';

/** The signs of accents that the font of the formulas has, for those that temml takes. */
const ACCENTS = { '‾': '¯', ˆ: '^' };
/** What temml says in attributes of style, which the page's policy refuses, the sheet says. */
const STYLES = /^(display:block math|math-depth:0|padding-left:0em|padding-right:0em|);?$/;

/**
 * @param {string} tex
 * @param {{ block: boolean }} how
 */
export function mathml(tex, { block }) {
  const html = temml.renderToString(tex, { displayMode: block, throwOnError: true });
  return html
    .replace(/ style="([^"]*)"/g, (_, style) => {
      for (const rule of style.split(';')) {
        if (!STYLES.test(rule)) throw new Error(`a formula needs the style ${rule}: ${tex}`);
      }
      return '';
    })
    .replace(/>([‾ˆ])</g, (_, sign) => `>${ACCENTS[/** @type {'‾'} */ (sign)]}<`);
}
