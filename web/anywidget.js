/**
 * The element as an anywidget, for Jupyter, Colab, VS Code, marimo and MyST: a module in one file.
 */
import './element/unnoise-lab.js';
import { Figure } from './notebook/figure.js';

/** @import { Model } from './notebook/kernel.js' */

/** @param {{ model: Model, el: HTMLElement }} given */
async function render({ model, el }) {
  const figure = new Figure(model);
  try {
    await figure.show(el);
  } catch (error) {
    el.textContent = error instanceof Error ? error.message : String(error);
  }
  return () => figure.remove();
}

export default { render };
