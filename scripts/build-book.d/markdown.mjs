// The Markdown of the book: CommonMark by marked, with formulas, figures, exercises, lists of symbols,
// excerpts of the source, and names for what is referred to. docs/book/README.md has them all in use.
import { Marked } from 'marked';
import { excerptOf } from './excerpt.mjs';
import { checkedAttributes } from './figure.mjs';
import { mathml } from './mathematics.mjs';

/**
 * @typedef {object} Place something that other places refer to
 * @property {string} address
 * @property {string} title
 *
 * @typedef {{ key: string, short: string, authors: string, year: number, title: string, where: string,
 *   url: string }} Reference
 */

export const escapeHtml = (/** @type {string} */ text) =>
  text.replace(/[&<>"]/g, (sign) => `&#${sign.charCodeAt(0)};`);

/** @param {string} text */
export const slug = (text) =>
  text
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]+/gu, '-')
    .replace(/^-|-$/g, '');

/**
 * What a chapter has that can be referred to, numbered.
 *
 * @param {string} source
 * @param {string} page
 * @param {number} chapter
 * @returns {[string, Place][]}
 */
export function placesOf(source, page, chapter) {
  const kinds = /** @type {const} */ ([
    ['fig', 'Figure', /^```figure ([\w-]+)$/gm],
    ['ex', 'Exercise', /^```exercise ([\w-]+)$/gm],
    ['eq', 'equation', /^\$\$ ?\{#([\w-]+)\}$/gm],
  ]);
  return kinds.flatMap(([kind, word, pattern]) =>
    [...source.matchAll(pattern)].map(([, name], index) => {
      const number = chapter ? `${chapter}.${index + 1}` : String(index + 1);
      const title = kind === 'eq' ? `(${number})` : `${word} ${number}`;
      return /** @type {[string, Place]} */ ([
        `${kind}:${name}`,
        { address: `${page}#${kind}-${name}`, title },
      ]);
    }),
  );
}

const KEYWORDS =
  /(\/\/.*)|("(?:\\.|[^"\\])*")|\b(as|async|await|const|else|enum|fn|for|if|impl|in|let|match|mut|pub|ref|return|Self|self|struct|where)\b/g;

/** Comments, strings and keywords of Rust, told apart. @param {string} code */
function highlighted(code) {
  let html = '';
  let end = 0;
  for (const match of code.matchAll(KEYWORDS)) {
    const kind = match[1] ? 'comment' : match[2] ? 'string' : 'keyword';
    html += `${escapeHtml(code.slice(end, match.index))}<span class="${kind}">${escapeHtml(match[0])}</span>`;
    end = match.index + match[0].length;
  }
  return html + escapeHtml(code.slice(end));
}

/**
 * @param {Map<string, Place>} places of the whole book
 * @param {Map<string, Reference>} references
 */
export function bookMarkdown(places, references) {
  const placeOf = (/** @type {string} */ name) => {
    const place = places.get(name);
    if (!place) throw new Error(`nothing is called ${name}`);
    return place;
  };

  /** @param {string} name @param {string} content */
  function figure(name, content) {
    const { title } = placeOf(`fig:${name}`);
    const [, attributes, alt, caption] = /^(.+?)\nalt: (.+?)\n\n(.+)$/s.exec(content) ?? [];
    if (!caption) throw new Error(`figure ${name}: attributes, alt and a caption are needed`);
    const tag = checkedAttributes(attributes.replaceAll('\n', ' '));
    return `<figure id="fig-${name}">
<unnoise-lab ${tag}><p>${escapeHtml(alt.replaceAll('\n', ' '))}</p></unnoise-lab>
<figcaption><strong>${title}.</strong> ${inner.parseInline(caption)}</figcaption>
</figure>\n`;
  }

  /** @param {string} name @param {string} content */
  function exercise(name, content) {
    const { title } = placeOf(`ex:${name}`);
    const [question, answer] = content.split('\n---\n');
    if (!answer) throw new Error(`exercise ${name}: no answer after ---`);
    return `<section class="exercise" id="ex-${name}"><h3>${title}</h3>
${inner.parse(question)}<details><summary>Answer</summary>\n${inner.parse(answer)}</details></section>\n`;
  }

  /** @param {string} content lines `TeX | meaning` */
  function symbols(content) {
    const rows = content.split('\n').map((line) => {
      const [tex, meaning] = line.split(/ \| (.*)/s);
      if (!meaning) throw new Error(`a symbol without a meaning: ${line}`);
      return `<div><dt>${mathml(tex, { block: false })}</dt><dd>${inner.parseInline(meaning)}</dd></div>\n`;
    });
    return `<dl class="symbols">\n${rows.join('')}</dl>\n`;
  }

  /** @type {import('marked').MarkedExtension} */
  const shared = {
    walkTokens(token) {
      if (token.type === 'text' && !token.tokens) token.text = token.text.replaceAll("'", '’');
    },
    extensions: [
      {
        name: 'formula',
        level: 'inline',
        start: (source) => source.indexOf('$'),
        tokenizer(source) {
          const match = /^\$((?:\\.|[^$\\])+)\$/.exec(source);
          if (match) return { type: 'formula', raw: match[0], tex: match[1] };
        },
        renderer: ({ tex }) => mathml(tex, { block: false }),
      },
      {
        name: 'equation',
        level: 'block',
        start: (source) => source.match(/^\$\$/m)?.index,
        tokenizer(source) {
          const match = /^\$\$\n([\s\S]+?)\n\$\$(?: ?\{#([\w-]+)\})?(?:\n+|$)/.exec(source);
          if (match) return { type: 'equation', raw: match[0], tex: match[1], label: match[2] };
        },
        renderer({ tex, label }) {
          const math = mathml(tex, { block: true });
          if (!label) return `<div class="equation">${math}</div>\n`;
          const { title } = placeOf(`eq:${label}`);
          return `<div class="equation" id="eq-${label}">${math}<span class="number">${title}</span></div>\n`;
        },
      },
      {
        name: 'place',
        level: 'inline',
        start: (source) => source.match(/@(fig|ex|eq)\(/)?.index,
        tokenizer(source) {
          const match = /^@(fig|ex|eq)\(([\w-]+)\)/.exec(source);
          if (match) return { type: 'place', raw: match[0], place: `${match[1]}:${match[2]}` };
        },
        renderer({ place }) {
          const { address, title } = placeOf(place);
          return `<a href="${address}">${title}</a>`;
        },
      },
      {
        name: 'citation',
        level: 'inline',
        start: (source) => source.indexOf('[@'),
        tokenizer(source) {
          const match = /^\[@([\w-]+)(?:, ([^\]]+))?\]/.exec(source);
          if (match) return { type: 'citation', raw: match[0], key: match[1], part: match[2] };
        },
        renderer({ key, part }) {
          const reference = references.get(key);
          if (!reference) throw new Error(`references.json has no ${key}`);
          const text = part ? `${reference.short}, ${part}` : reference.short;
          return `<a href="references.html#${key}">${escapeHtml(text)}</a>`;
        },
      },
    ],
    renderer: {
      heading({ tokens, depth, text }) {
        const inner = this.parser.parseInline(tokens);
        if (depth === 1) return `<h1>${inner}</h1>\n`;
        const id = slug(text);
        return `<h${depth} id="${id}"><a href="#${id}">${inner}</a></h${depth}>\n`;
      },
      code(token) {
        const [kind, name] = (token.lang ?? '').split(' ');
        if (kind === 'figure') return figure(name, token.text);
        if (kind === 'exercise') return exercise(name, token.text);
        if (kind === 'symbols') return symbols(token.text);
        if ('excerpt' in token) {
          const { path, text, first, last } = /** @type {any} */ (token).excerpt;
          return `<div class="source"><p>${path}, lines ${first} to ${last}</p>
<pre tabindex="0" aria-label="Rust source"><code>${highlighted(text)}</code></pre></div>\n`;
        }
        if (kind === 'rust') throw new Error('Rust stands in the book as it is in the source');
        return `<pre tabindex="0"><code>${escapeHtml(token.text)}</code></pre>\n`;
      },
      link({ href, tokens }) {
        const address = href.replace(/^([\w-]+)\.md(?=#|$)/, (_, page) =>
          page === 'README' ? './' : `${page}.html`,
        );
        return `<a href="${escapeHtml(address)}">${this.parser.parseInline(tokens)}</a>`;
      },
    },
  };
  /** Of what stands within something else, which has no excerpts. */
  const inner = new Marked(shared);
  return new Marked(shared, {
    async: true,
    async walkTokens(token) {
      if (token.type !== 'code') return;
      const [, path] = /^rust (\S+)$/.exec(token.lang ?? '') ?? [];
      if (path) token.excerpt = { path, ...(await excerptOf(path, token.text)) };
    },
  });
}
