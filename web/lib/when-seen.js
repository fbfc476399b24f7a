/**
 * Calls back once an element is about to come into view, for work that only those who get there
 * should pay for.
 *
 * @param {Element} element
 * @param {() => void} then
 * @returns {() => void} gives up waiting
 */
export function whenSeen(element, then) {
  const observer = new IntersectionObserver(
    (entries) => {
      if (!entries.some((entry) => entry.isIntersecting)) return;
      observer.disconnect();
      then();
    },
    { rootMargin: '200px' },
  );
  observer.observe(element);
  return () => observer.disconnect();
}
