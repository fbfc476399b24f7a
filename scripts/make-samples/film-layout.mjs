/** The film of the first set, as `index.json` describes it to the page. */
export const FILM = { file: 'faces/film.avif', frames: 12, count: 16, size: 32 };
