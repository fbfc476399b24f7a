// The download of a model, without a browser: what a server says of the length of a file is not
// believed.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { after, before, test } from 'node:test';
import { gzipSync } from 'node:zlib';

Object.assign(globalThis, {
  location: new URL('http://page.example/'),
  document: { baseURI: 'http://page.example/' },
});
const { downloadModel, fetchForeign, isForeign, modelAddress } =
  await import('../../web/lib/model-download.js');

const LIMIT = 2 ** 20;
const ZIP = Buffer.concat([Buffer.from('PK\x03\x04'), Buffer.alloc(64 * LIMIT)]);

let written = 0;
const server = createServer(({ url }, response) => {
  written = 0;
  if (url === '/packed') {
    // A length that is true of what is sent, and a thousandth of what comes out of it.
    const packed = gzipSync(ZIP);
    response.writeHead(200, { 'content-encoding': 'gzip', 'content-length': packed.length });
    response.end(packed);
    return;
  }
  // Without a length, and without an end.
  response.writeHead(200);
  const more = () => {
    while (!response.destroyed && response.write(ZIP.subarray(0, 65_536))) written += 65_536;
  };
  response.on('drain', more);
  more();
});
let address = '';

before(async () => {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  address = `http://127.0.0.1:${/** @type {any} */ (server.address()).port}`;
});
after(() => {
  server.closeAllConnections();
  server.close();
});

/** @param {string} path */
async function refused(path) {
  let most = 0;
  const download = downloadModel(new URL(path, address), {
    fetching: fetchForeign,
    signal: new AbortController().signal,
    progress: (done) => (most = done),
    limit: LIMIT,
  });
  await assert.rejects(download, { code: 'too-large', message: /sent more than 1\.05 MB/ });
  assert.ok(most <= LIMIT, `${most} bytes were taken`);
}

test('a file that unpacks to more than the limit is cut off there', () => refused('/packed'));

test('a file without an end is cut off at the limit, and its connection closed', async () => {
  await refused('/endless');
  const at = written;
  await new Promise((resolve) => setTimeout(resolve, 200));
  assert.ok(written <= at + 2 ** 20, 'the server goes on sending');
});

test('what is of another host is known by its origin', () => {
  const foreign = (/** @type {string} */ text) => isForeign(modelAddress(text));
  assert.deepEqual(
    ['model.safetensors', '/a/b.zip', 'http://page.example/x', 'blob:http://page.example/1'].map(
      foreign,
    ),
    [false, false, false, false],
  );
  assert.deepEqual(
    ['https://page.example/x', '//other.example/x', 'http://page.example:81/x', 'ftp://a/b'].map(
      foreign,
    ),
    [true, true, true, true],
  );
  assert.throws(() => modelAddress('http://'), { code: 'not-found' });
});
