/** The colours of an element's theme, for canvases: custom properties, computed. */
export class ThemeColours {
  #probe = document.createElement('span');
  /**
   * Reading a computed colour has the browser bring the styles of the page up to date.
   * @type {Map<string, string>}
   */
  #colours = new Map();

  /**
   * @param {HTMLElement} container in the tree whose theme it is
   * @param {() => void} changed called when the theme is another
   * @param {AbortSignal} signal ends it
   */
  constructor(container, changed, signal) {
    this.#probe.hidden = true;
    container.append(this.#probe);
    const forget = () => {
      this.#colours.clear();
      changed();
    };
    container.getRootNode().addEventListener('theme', forget, { signal });
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', forget, { signal });
    signal.addEventListener('abort', () => this.#probe.remove());
  }

  /** @param {string} name of the custom property */
  get = (name) => {
    let colour = this.#colours.get(name);
    if (colour === undefined) {
      this.#probe.style.color = `var(${name})`;
      colour = getComputedStyle(this.#probe).color;
      this.#colours.set(name, colour);
    }
    return colour;
  };
}
