/** An answer that is longer than its reader allows. */
export class TooLongError extends Error {}

/**
 * The body of an answer, up to a number of bytes: a server may send for ever.
 *
 * @param {Response} response
 * @param {number} maxBytes
 */
export async function blobOf(response, maxBytes) {
  const said = Number(response.headers.get('content-length') ?? 0);
  if (said > maxBytes) throw new TooLongError('It says that it is too long.');
  const parts = [];
  let bytes = 0;
  const reader = response.body?.getReader();
  for (let part = await reader?.read(); part && !part.done; part = await reader?.read()) {
    bytes += part.value.length;
    if (bytes > maxBytes) {
      await reader?.cancel();
      throw new TooLongError('It is too long.');
    }
    parts.push(part.value);
  }
  return new Blob(parts, { type: response.headers.get('content-type') ?? '' });
}
