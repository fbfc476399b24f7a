/** The pictures of the first set's run lengths, as `index.json` describes them to the page. */
export const RUN_LENGTHS = {
  file: 'faces/run-lengths.webp',
  steps: [25, 50, 100, 200, 400, 800, 1600],
  count: 4,
  size: 32,
};
