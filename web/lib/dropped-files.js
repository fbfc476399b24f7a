import { isOfFolder } from './model-files.js';

/**
 * @import { GivenFile } from './model-files.js'
 */

/** Entries of folders that are looked at: someone may drop a whole disk. */
const MAX_ENTRIES = 50_000;
/** And how deep. */
const MAX_DEPTH = 32;

/** What a file field for images accepts. */
export const IMAGE_TYPES = '.png,.jpg,.jpeg,.webp,.gif,.svg,.zip,image/*';

/**
 * The files of a file field.
 * @param {Iterable<File>} files
 * @returns {GivenFile[]}
 */
export const pickedFiles = (files) =>
  Array.from(files, (file) => ({ file, path: file.webkitRelativePath || file.name }));

/**
 * The files of a drop or a paste; folders are opened, however deep.
 *
 * @param {DataTransfer} transfer
 * @returns {Promise<GivenFile[]>}
 */
export async function transferredFiles(transfer) {
  // Entries must be taken before the first await: afterwards the transfer is empty.
  const entries = [...transfer.items]
    .filter((item) => item.kind === 'file')
    .map((item) => item.webkitGetAsEntry?.() ?? item.getAsFile());
  const budget = { left: MAX_ENTRIES };
  const files = await Promise.all(entries.map((entry) => (entry ? open(entry, 0, budget) : [])));
  return files.flat();
}

/**
 * @param {FileSystemEntry | File} entry
 * @param {number} depth in folders
 * @param {{ left: number }} budget entries that may still be looked at
 * @returns {Promise<GivenFile[]>}
 */
async function open(entry, depth, budget) {
  if (--budget.left < 0 || depth > MAX_DEPTH) return [];
  if (entry instanceof File) return [{ file: entry, path: entry.name }];
  if (entry.isFile) {
    const file = await new Promise((resolve, reject) =>
      /** @type {FileSystemFileEntry} */ (entry).file(resolve, reject),
    );
    // A folder holds all sorts of files; one that was dropped by itself is meant.
    const accepted = depth === 0 || file.type.startsWith('image/') || isOfFolder(file.name);
    return accepted ? [{ file, path: entry.fullPath.slice(1) }] : [];
  }
  const reader = /** @type {FileSystemDirectoryEntry} */ (entry).createReader();
  const files = [];
  while (budget.left > 0) {
    /** @type {FileSystemEntry[]} */
    const batch = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (batch.length === 0) break;
    for (const child of batch) files.push(...(await open(child, depth + 1, budget)));
  }
  return files;
}
