// The code of the guides, docs/embedding/*.md, as it stands there.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';

/**
 * @typedef {object} Code
 * @property {[path: string, content: string][]} files
 * @property {string} commands for a shell, without those that install
 * @property {{ npm: string[], pip: string[] }} packages that those install, with their versions
 * @property {string[]} cells of a notebook
 */

/**
 * A block of code is the file that the line before names, or what is typed into a shell, or a cell.
 * @param {string} guide
 * @param {string} section
 * @returns {Promise<Code>}
 */
export async function codeOf(guide, section) {
  const address = new URL(`../../docs/embedding/${guide}.md`, import.meta.url);
  const guideText = await readFile(address, 'utf8');
  const text = guideText.split(/^## /m).find((part) => part.startsWith(`${section}\n`));
  assert.ok(text, `docs/embedding/${guide}.md has no section ${section}`);
  const blocks = text.matchAll(/(?:^`([^`\n]+)`\n\n)?^(`{3,})(\w+)\n([^]*?)^\2$/gm);
  /** @type {Code} */
  const code = { files: [], commands: '', packages: { npm: [], pip: [] }, cells: [] };
  for (const [, name, , language, content] of blocks) {
    if (name) code.files.push([name, content]);
    else if (language === 'python') code.cells.push(content);
    else if (language === 'sh') {
      for (const line of content.trim().split('\n')) {
        const [, tool, names] = /^(npm|pip) install (.*)$/.exec(line) ?? [];
        if (tool) code.packages[tool].push(...names.split(' '));
        else code.commands += `${line}\n`;
      }
    }
  }
  return code;
}
