import { Directive, directive } from 'lit/directive.js';
import { noChange } from 'lit';
import { currentLanguage, translated } from '../../lib/localize.js';
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
  /** The label, and in which language. */
  #said = '';

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
      const said = `${translated(label)} ${currentLanguage()}`;
      if (content === this.#content && said === this.#said) return;
      if (!this.#content) for (const one of [element, element.parentElement]) observe(one);
      this.#content = content;
      this.#said = said;
      element.setAttribute('aria-label', `${translated(label)}: ${spokenMath(element)}`);
    });
    return noChange;
  }
}

/** @param {Element | null} element */
const observe = (element) => element && widths.observe(element);

class Words extends Directive {
  /** @param {string} english */
  render(english) {
    return translated(english);
  }
}

/** Words of the catalogue in a template that is made once. */
export const words = directive(Words);

/** Names a formula, and says it in words. */
export const spoken = directive(Spoken);
