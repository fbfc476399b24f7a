/** Where in a dropped folder a file lies. @type {WeakMap<File, string>} */
const dropped = new WeakMap();

/**
 * The path of a file in the folder that was dropped or picked; empty for a file alone.
 * @param {Blob} file
 * @returns {string}
 */
export const pathInFolder = (file) =>
  file instanceof File ? (dropped.get(file) ?? file.webkitRelativePath) : '';

/**
 * The files of a drop or a paste; folders are opened, however deep.
 *
 * @param {DataTransfer} transfer
 * @returns {Promise<File[]>}
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
 * @returns {Promise<File[]>}
 */
async function open(entry, inFolder) {
  if (entry instanceof File) return [entry];
  if (entry.isFile) {
    const file = await new Promise((resolve, reject) =>
      /** @type {FileSystemFileEntry} */ (entry).file(resolve, reject),
    );
    dropped.set(file, entry.fullPath);
    // A folder holds all sorts of files; one that was dropped by itself is meant.
    return !inFolder || file.type.startsWith('image/') ? [file] : [];
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
