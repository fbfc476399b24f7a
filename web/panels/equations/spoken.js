import { Directive, directive } from 'lit/directive.js';
import { noChange } from 'lit';
import { spokenMath } from '../../lib/spoken-math.js';

/** Formulas that are wider than their place scroll, and then the keyboard must reach them. */
const widths = new ResizeObserver((entries) => {
  for (const place of new Set(entries.map(({ target }) => target.closest('.equation')))) {
    if (!(place instanceof HTMLElement)) continue;
    const scrolls = place.scrollWidth > place.clientWidth;
    if (scrolls) place.tabIndex = 0;
    else place.removeAttribute('tabindex');
  }
});

class Spoken extends Directive {
  #content = '';
  #label = '';

  /** @param {string} _ */
  render(_) {
    return noChange;
  }

  /**
   * @param {import('lit/directive.js').ElementPart} part
   * @param {[string]} arguments_
   */
  update({ element }, [label]) {
    // What is in it is rendered after this.
    queueMicrotask(() => {
      const content = element.textContent ?? '';
      if (content === this.#content && label === this.#label) return;
      if (!this.#content) for (const one of [element, element.parentElement]) observe(one);
      this.#content = content;
      this.#label = label;
      element.setAttribute('aria-label', `${label}: ${spokenMath(element)}`);
    });
    return noChange;
  }
}

/** @param {Element | null} element */
const observe = (element) => element && widths.observe(element);

/** Names a formula, and says it in words. */
export const spoken = directive(Spoken);
