/**
 * A remark plugin: the directive `unnoise` of Markdown (remark-directive) is the element.
 *
 *     ::unnoise{mode=sample dataset=faces autoplay}
 *
 *     :::unnoise{mode=sample dataset=faces}
 *     What is seen without JavaScript.
 *     :::
 *
 * @typedef {object} Node of mdast, as much as is used of it
 * @property {string} type
 * @property {string} [name]
 * @property {Record<string, string | null | undefined> | null} [attributes]
 * @property {Node[]} [children]
 * @property {object} [data]
 */

const DIRECTIVES = ['leafDirective', 'containerDirective', 'textDirective'];

export default function remarkUnnoise() {
  return visit;
}

/** @param {Node} node */
function visit(node) {
  if (DIRECTIVES.includes(node.type) && node.name === 'unnoise') {
    const { dataset, config, ...others } = node.attributes ?? {};
    const hProperties = Object.fromEntries(
      // As a value, since frameworks set properties, and there an empty text is false.
      Object.entries(others).map(([name, value]) => [name, value || true]),
    );
    // HTML made from Markdown (hast) would have `dataset` as an attribute called `data-set`.
    const settings = { ...JSON.parse(config ?? '{}'), ...(dataset && { dataset }) };
    if (Object.keys(settings).length) hProperties.config = JSON.stringify(settings);
    node.data = { ...node.data, hName: 'unnoise-lab', hProperties };
  }
  node.children?.forEach(visit);
}
