/**
 * Defines a custom element unless there is one of that name: a page may load the script twice, and
 * the first stays.
 *
 * @param {string} name
 * @param {CustomElementConstructor} element
 */
export function define(name, element) {
  if (!customElements.get(name)) customElements.define(name, element);
}
