// The page around a chapter: contents, the chapter, the ways to its neighbours.
import { escapeHtml } from './markdown.mjs';

/**
 * @typedef {object} Chapter
 * @property {string} page the name of its file
 * @property {string} title
 * @property {string} number empty for what is no chapter
 * @property {number} minutes of reading
 * @property {string} html
 */

/** As strict as the lab's own page (docs/embedding/self-hosting.md). */
const POLICY = [
  "default-src 'none'",
  "script-src 'self' 'wasm-unsafe-eval'",
  "worker-src 'self'",
  "connect-src 'self'",
  "img-src 'self' blob: data:",
  "style-src 'self'",
  "font-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "require-trusted-types-for 'script'",
  'trusted-types unnoise lit-html',
].join('; ');

/** @param {Chapter} chapter */
export const addressOf = ({ page }) => (page === 'index.html' ? './' : page);

/** @param {Chapter} chapter */
const named = ({ number, title }) =>
  `${number ? `<span class="number">${number}</span> ` : ''}${escapeHtml(title)}`;

/**
 * @param {Chapter[]} chapters
 * @param {number} at the one that is shown
 * @param {boolean} standalone whether the package lies in the book's own folder, and no lab around it
 */
export function page(chapters, at, standalone) {
  const chapter = chapters[at];
  const items = chapters.map((one, index) => {
    const current = index === at ? ' aria-current="page"' : '';
    return `<li><a href="${addressOf(one)}"${current}>${named(one)}</a></li>`;
  });
  const neighbour = (/** @type {number} */ index, /** @type {string} */ rel) => {
    const one = chapters[index];
    if (!one) return '<span></span>';
    const word = rel === 'prev' ? 'Before' : 'Next';
    return `<a rel="${rel}" href="${addressOf(one)}"><small>${word}</small> ${named(one)}</a>`;
  };
  const about = chapter.number
    ? `<p class="about">Chapter ${chapter.number} · ${chapter.minutes} minutes</p>\n`
    : '';
  const title = chapter.page === 'index.html' ? chapter.title : `${chapter.title} · How it works`;
  return `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <meta http-equiv="Content-Security-Policy" content="${POLICY}" />
    <meta name="referrer" content="no-referrer" />
    <meta name="viewport" content="width=device-width, initial-scale=1" />
    <meta name="color-scheme" content="light dark" />
    <title>${escapeHtml(title)}</title>
    <link rel="icon" href="icon.svg" />
    <link rel="stylesheet" href="book.css" />
    <script type="module" src="${standalone ? 'unnoise' : '../pkg'}/unnoise.js"></script>
  </head>
  <body>
    <a class="skip" href="#text">To the text</a>
    <header>
      <a class="wordmark" href="${standalone ? './' : '../'}"><i></i>Unnoise</a>
      <a class="contents" href="#all-chapters">Contents</a>
    </header>
    <div class="columns">
      <main id="text">
${about}${chapter.html}
        <nav class="neighbours" aria-label="Neighbouring chapters">
          ${neighbour(at - 1, 'prev')}
          ${neighbour(at + 1, 'next')}
        </nav>
      </main>
      <nav id="all-chapters" aria-labelledby="all-chapters-title">
        <h2 id="all-chapters-title">How it works</h2>
        <ol>
          ${items.join('\n          ')}
        </ol>
      </nav>
    </div>
  </body>
</html>
`;
}
