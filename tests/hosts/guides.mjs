// The code of the documentation, as it stands there.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';

/**
 * @typedef {object} Block
 * @property {string} section its heading of the second level
 * @property {string} [name] of the file, in the line before
 * @property {string} language
 * @property {string} content
 *
 * @typedef {object} Code
 * @property {[path: string, content: string][]} files
 * @property {string} commands for a shell, without those that install
 * @property {{ npm: string[], pip: string[] }} packages that those install, with their versions
 * @property {string[]} cells of a notebook
 * @property {string[]} policies for a header Content-Security-Policy
 */

/**
 * @param {string} document relative to docs/embedding, without `.md`
 * @returns {Promise<Block[]>}
 */
export async function blocksOf(document) {
  const address = new URL(`../../docs/embedding/${document}.md`, import.meta.url);
  const text = await readFile(address, 'utf8');
  const parts =
    /^## (?<section>.+)$|(?:^`(?<name>[^`\n]+)`\n\n)?^(?<fence>`{3,})(?<language>\w*)\n(?<content>[^]*?)^\k<fence>$/gm;
  const blocks = [];
  let section = '';
  for (const { groups } of text.matchAll(parts)) {
    if (groups.section) section = groups.section;
    else blocks.push({ ...groups, section });
  }
  return blocks;
}

/**
 * A block of code is the file that the line before names, or what is typed into a shell, or a cell; one
 * without a language is a policy.
 * @param {string} guide
 * @param {string} section
 * @returns {Promise<Code>}
 */
export async function codeOf(guide, section) {
  const blocks = (await blocksOf(guide)).filter((block) => block.section === section);
  assert.ok(blocks.length, `docs/embedding/${guide}.md has no code in a section ${section}`);
  /** @type {Code} */
  const code = { files: [], commands: '', packages: { npm: [], pip: [] }, cells: [], policies: [] };
  for (const { name, language, content } of blocks) {
    if (name) code.files.push([name, content]);
    else if (language === 'python') code.cells.push(content);
    else if (!language) code.policies.push(content.replaceAll(/\s+/g, ' ').trim());
    else {
      assert.equal(language, 'sh', `${guide}, ${section}: a block of ${language} without a file`);
      for (const line of content.trim().split('\n')) {
        const [, tool, names] = /^(npm|pip) install (.*)$/.exec(line) ?? [];
        if (tool) code.packages[tool].push(...names.split(' '));
        else code.commands += `${line}\n`;
      }
    }
  }
  return code;
}
