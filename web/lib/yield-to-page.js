/** How long the page may be kept from its other work, in milliseconds. */
const TURN_MS = 6;

/** The page does what else there is to do first. */
export const nextTask = () => new Promise((resolve) => setTimeout(resolve));

/** For long work on the page's thread: gives the page a turn now and then, and says whether it did. */
export function yielder() {
  let since = performance.now();
  return async () => {
    if (performance.now() - since < TURN_MS) return false;
    await nextTask();
    since = performance.now();
    return true;
  };
}
