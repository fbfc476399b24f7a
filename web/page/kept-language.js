import { storedWord } from '../lib/stored-choice.js';

/** The language of the page, as the visitor chose last. */
export const keptLanguage = storedWord('unnoise.language');
