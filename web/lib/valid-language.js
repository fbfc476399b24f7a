/**
 * uPlot asks for the number format of `navigator.language` as it is loaded. WebKitGTK has that from
 * the environment, where it may be "C", which is no language: uPlot, and with it the page, would
 * not load. So this is imported before uPlot, and undone after it.
 */
const { navigator } = globalThis;

function isValid() {
  try {
    return Intl.getCanonicalLocales(navigator.language).length > 0;
  } catch {
    return false;
  }
}

const replaced = navigator && !isValid();
if (replaced) Object.defineProperty(navigator, 'language', { value: 'en', configurable: true });

/** Gives the page its own `navigator.language` back. */
export function restoreLanguage() {
  if (replaced) Reflect.deleteProperty(navigator, 'language');
}
