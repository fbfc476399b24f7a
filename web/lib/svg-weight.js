/**
 * How many elements a browser draws for an SVG: an element that refers to another draws that too, so
 * ten lines can draw a billion, on the page's own thread. By the tags alone, in one pass: whoever
 * parses it does the work that is to be foreseen.
 *
 * @param {string} text
 * @returns {number} Infinity for what cannot be told: entities with markup, pictures within
 */
export function drawnElements(text) {
  if (hidesElements(text)) return Infinity;
  const { ranges, references, count } = read(text);
  if (count === 0 || references.length > MAX_REFERENCES) return Infinity;
  /** @type {Map<string, number>} */
  const weights = new Map();
  /** @param {{ id: string }[]} some @returns {number} */
  const sum = (some) => some.reduce((total, { id }) => total + weightOf(id), 0);
  /** @param {string} id @returns {number} */
  const weightOf = (id) => {
    const known = weights.get(id);
    if (known !== undefined) return known;
    // What refers to itself is not drawn.
    weights.set(id, 0);
    const { first, end } = ranges.get(id) ?? { first: 0, end: 0 };
    const inner = references.filter(({ at }) => at >= first && at < end);
    const weight = end - first + sum(inner);
    weights.set(id, weight);
    return weight;
  };
  return count + sum(references);
}

/** Each is followed, into those behind it. */
const MAX_REFERENCES = 3000;

/** Pictures in an SVG have sizes, and SVGs, of their own. */
const PICTURE = /data:\s*image/i;
const ENTITY = /<!ENTITY\b[^"'>]*(["'])/g;
const ID = /\sid\s*=\s*["']([^"']*)["']/;
const HREF = /href\s*=\s*["']\s*([^"']*)["']/g;
const PAINT = /url\(\s*(?:["']|&quot;|&apos;)?\s*#([^"')&\s]+)/g;

/** @param {string} text */
function hidesElements(text) {
  if (PICTURE.test(text)) return true;
  for (const { index, 0: start, 1: quote } of text.matchAll(ENTITY)) {
    const from = index + start.length;
    if (/[<&]/.test(text.slice(from, text.indexOf(quote, from)))) return true;
  }
  return false;
}

/**
 * @param {string} text
 * @returns {{ ranges: Map<string, { first: number, end: number }>,
 *   references: { at: number, id: string }[], count: number }} the elements within those that have an
 *   id, what each refers to, and how many there are
 */
function read(text) {
  const ranges = new Map();
  const references = [];
  /** @type {{ first: number, end: number }[]} */
  const open = [];
  let count = 0;
  const close = () => {
    const range = open.pop();
    if (range) range.end = count;
  };
  for (const tag of tagsOf(text)) {
    if (tag.startsWith('</')) {
      close();
      continue;
    }
    const range = { first: count, end: Infinity };
    const id = ID.exec(tag)?.[1];
    const hrefs = Array.from(tag.matchAll(HREF), ([, href]) => href);
    if (id !== undefined && !ranges.has(id)) ranges.set(id, range);
    // Letters may be written as numbers: then nobody knows what is meant.
    const coded = hrefs.some((href) => href.includes('&') && !href.includes('://'));
    if (coded || id?.includes('&')) {
      return { ranges, references, count: 0 };
    }
    const targets = [
      ...hrefs.filter((href) => href.startsWith('#')).map((href) => href.slice(1).trim()),
      ...Array.from(tag.matchAll(PAINT), ([, target]) => target),
    ];
    for (const target of targets) references.push({ at: count, id: target });
    open.push(range);
    count++;
    if (tag.endsWith('/>')) close();
  }
  while (open.length) close();
  return { ranges, references, count };
}

/** What has tags in it that are none. @type {[start: string, end: string][]} */
const SKIPPED = [
  ['<!--', '-->'],
  ['<![CDATA[', ']]>'],
  ['<?', '?>'],
];

/** @param {string} text @returns {Generator<string>} */
function* tagsOf(text) {
  for (let at = text.indexOf('<'); at >= 0; at = text.indexOf('<', at)) {
    const skipped = SKIPPED.find(([start]) => text.startsWith(start, at));
    if (skipped) {
      const end = text.indexOf(skipped[1], at);
      if (end < 0) return;
      at = end + skipped[1].length;
      continue;
    }
    const end = endOfTag(text, at);
    if (text[at + 1] !== '!') yield text.slice(at, end);
    at = end;
  }
}

/**
 * @param {string} text
 * @param {number} at
 */
function endOfTag(text, at) {
  let quote = '';
  for (let end = at; end < text.length; end++) {
    const letter = text[end];
    if (quote) {
      if (letter === quote) quote = '';
    } else if (letter === '"' || letter === "'") quote = letter;
    else if (letter === '>') return end + 1;
  }
  return text.length;
}
