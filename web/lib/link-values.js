/**
 * How values of a link are read. Each reader gives nothing for what makes no sense.
 */

/** @param {string} text */
export const number = (text) =>
  text.trim() === '' || Number.isNaN(Number(text)) ? undefined : Number(text);

/** The nearest number from `low` to `high`. */
export const within =
  (/** @type {number} */ low, /** @type {number} */ high) => (/** @type {string} */ text) => {
    const value = number(text);
    return value === undefined ? undefined : Math.min(high, Math.max(low, value));
  };

/** The whole number of those that is nearest. */
export const whole =
  (/** @type {number} */ low, /** @type {number} */ high) => (/** @type {string} */ text) => {
    const value = within(low, high)(text);
    return value === undefined ? undefined : Math.round(value);
  };

/** One of some words. */
export const among =
  (/** @type {string[]} */ ...values) =>
  (/** @type {string} */ text) =>
    values.find((value) => value === text);

/** `true` or `false`. */
export const yesOrNo = (/** @type {string} */ text) =>
  text === 'true' ? true : text === 'false' ? false : undefined;
