import { isOfFolder } from './model-files.js';

/**
 * @import { GivenFile } from './model-files.js'
 */

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
  const files = await Promise.all(entries.map((entry) => (entry ? open(entry, false) : [])));
  return files.flat();
}

/**
 * @param {FileSystemEntry | File} entry
 * @param {boolean} inFolder
 * @returns {Promise<GivenFile[]>}
 */
async function open(entry, inFolder) {
  if (entry instanceof File) return [{ file: entry, path: entry.name }];
  if (entry.isFile) {
    const file = await new Promise((resolve, reject) =>
      /** @type {FileSystemFileEntry} */ (entry).file(resolve, reject),
    );
    // A folder holds all sorts of files; one that was dropped by itself is meant.
    const accepted = !inFolder || file.type.startsWith('image/') || isOfFolder(file.name);
    return accepted ? [{ file, path: entry.fullPath.slice(1) }] : [];
  }
  const reader = /** @type {FileSystemDirectoryEntry} */ (entry).createReader();
  const files = [];
  while (true) {
    /** @type {FileSystemEntry[]} */
    const batch = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (batch.length === 0) return files;
    for (const child of batch) files.push(...(await open(child, true)));
  }
}
