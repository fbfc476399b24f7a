import { ATTRIBUTES, settingOf } from './attributes.js';
import { formatHash } from './hash-state.js';

/**
 * The code that shows a figure elsewhere.
 *
 * @typedef {object} EmbeddedFigure
 * @property {Record<string, unknown>} settings by their names in links; those of the model's config
 *   under any other name
 * @property {string} script address of the package's script
 * @property {string} [page] address of a page that shows the element, for an iframe
 *
 * @typedef {keyof typeof FORMATS} Format
 */

/** Where code can go, in words. */
export const FORMATS = {
  html: 'HTML',
  iframe: 'iframe',
  markdown: 'Markdown: mdBook, MkDocs, rustdoc, GitHub Pages',
  mdx: 'MDX: Docusaurus, Next.js',
  vitepress: 'VitePress',
  astro: 'Astro, Starlight',
  myst: 'MyST, Jupyter Book',
  sphinx: 'Sphinx',
  react: 'React',
  vue: 'Vue',
};

/**
 * @param {Format} format
 * @param {EmbeddedFigure} figure
 * @returns {string}
 */
export function embedCode(format, figure) {
  const { script } = figure;
  const tag = htmlTag(figure.settings);
  const load = `<script type="module" src="${escape(script)}"></script>`;
  const both = `${load}\n${tag}`;
  switch (format) {
    case 'html':
    case 'markdown':
      return both;
    case 'iframe':
      return iframe(figure);
    case 'mdx':
      return `import 'unnoise';\n\n${jsxTag(figure.settings)}`;
    case 'react':
      return `import 'unnoise';\n\nexport const Figure = () => (\n  ${jsxTag(figure.settings)}\n);`;
    case 'vitepress':
    case 'vue':
      return (
        "<script setup>\nimport { onMounted } from 'vue';\n\n" +
        `onMounted(() => import('unnoise'));\n</script>\n\n` +
        (format === 'vue' ? `<template>\n  ${tag}\n</template>` : tag)
      );
    case 'astro':
      return `<script>\n  import 'unnoise';\n</script>\n\n${tag}`;
    case 'myst':
      return `\`\`\`{raw} html\n${both}\n\`\`\``;
    case 'sphinx':
      return `.. raw:: html\n\n${both.replaceAll(/^/gm, '   ')}`;
  }
}

/**
 * Settings as attributes; those of the model's config in one.
 * @param {Record<string, unknown>} settings
 * @returns {{ attributes: [name: string, value: string | true][], config: Record<string, unknown> }}
 */
function divide(settings) {
  const given = Object.entries(settings).filter(([, value]) => value !== undefined && value !== '');
  const known = new Map(ATTRIBUTES.map((attribute) => [settingOf(attribute), attribute]));
  const attributes = given.flatMap(([name, value]) => {
    const attribute = known.get(name);
    if (!attribute || value === null || value === false) return [];
    const text = attribute.type === 'boolean' ? /** @type {const} */ (true) : String(value);
    return [/** @type {[string, string | true]} */ ([attribute.name, text])];
  });
  const rest = given.filter(([name]) => !known.has(name));
  return { attributes, config: Object.fromEntries(rest) };
}

/** @param {Record<string, unknown>} settings */
function htmlTag(settings) {
  const { attributes, config } = divide(settings);
  const written = attributes.map(([name, value]) =>
    value === true ? name : `${name}="${escape(value)}"`,
  );
  if (Object.keys(config).length) {
    // JSON has double quotes, so that single ones keep it readable.
    const json = JSON.stringify(config).replaceAll('&', '&amp;').replaceAll("'", '&#39;');
    written.push(`config='${json}'`);
  }
  return `<unnoise-lab ${written.join(' ')}></unnoise-lab>`;
}

/** @param {Record<string, unknown>} settings */
function jsxTag(settings) {
  const { attributes, config } = divide(settings);
  const written = attributes.map(([name, value]) =>
    value === true ? name : `${name}="${escape(value)}"`,
  );
  if (Object.keys(config).length) written.push(`config={${JSON.stringify(config)}}`);
  return `<unnoise-lab ${written.join(' ')} />`;
}

/** @param {EmbeddedFigure} figure */
function iframe({ settings, page = '' }) {
  const url = new URL(page);
  const bare = settings.mode === 'sample' || settings.mode === 'compare';
  url.search = bare ? 'embed=bare' : 'embed';
  url.hash = formatHash(settings);
  return (
    `<iframe src="${escape(url.href)}" title="A diffusion model at work" loading="lazy"\n` +
    '  style="width: 100%; height: 480px; border: 0"></iframe>\n' +
    '<script>\n' +
    "  addEventListener('message', ({ data, source }) => {\n" +
    "    if (data?.type !== 'unnoise-height') return;\n" +
    "    for (const frame of document.querySelectorAll('iframe'))\n" +
    '      if (frame.contentWindow === source) frame.style.height = `${data.height}px`;\n' +
    '  });\n' +
    '</script>'
  );
}

/** @param {string} text */
const escape = (text) =>
  text
    .replaceAll('&', '&amp;')
    .replaceAll('"', '&quot;')
    .replaceAll('<', '&lt;')
    // In Markdown an empty line would end the tag.
    .replaceAll('\n', '&#10;');
