/**
 * Lets whoever started this worker know when it is over, however it ends. A worker that is killed,
 * for its memory for instance, dispatches nothing; but a lock that it holds is free from then on.
 * Pages without TLS have no locks.
 *
 * @param {(name: string) => void} tell called once the lock of that name is held
 */
export function holdLife(tell) {
  const name = `unnoise worker ${Math.random().toString(36).slice(2)}`;
  const forEver = new Promise(() => {});
  const hold = () => {
    tell(name);
    return forEver;
  };
  globalThis.navigator?.locks?.request(name, hold).catch(() => {});
}
