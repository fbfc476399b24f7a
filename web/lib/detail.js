import { storedChoice } from './stored-choice.js';

/** Whether the page shows its formulas and all settings, as the visitor chose last. */
const detail = storedChoice('unnoise.detail', { yes: 'all', no: 'plain', usual: false });

export const readDetail = () => detail.read();

/** @param {boolean} all */
export const keepDetail = (all) => detail.keep(all);
