import { fetchAsset } from './assets.js';

/** Under a name of its own: it has the characters of our equations alone. */
const FAMILY = 'Unnoise Math';

let asked = false;

/**
 * Has the page's formulas drawn in a font made for mathematics, which many devices lack: letters
 * then come from several fonts, and accents and roots do not fit them. Without it formulas are as
 * the device draws them.
 */
export async function loadMathFont() {
  if (asked) return;
  asked = true;
  try {
    const response = await fetchAsset('fonts/stix-two-math.woff2');
    if (!response.ok) throw new Error(`${response.status} ${response.statusText}`);
    // From bytes, so that a page's Content-Security-Policy needs no `font-src`.
    const font = new FontFace(FAMILY, await response.arrayBuffer());
    document.fonts.add(await font.load());
  } catch (error) {
    console.warn('The font of the formulas could not be loaded.', error);
  }
}
