/** Numbers as a person reads them, in the language of the page. */

import { currentLanguage, integer, msg, plural } from './localize.js';

export { integer, plural };

/** By language and digits, since making one takes long. @type {Map<string, Intl.NumberFormat>} */
const formats = new Map();

/**
 * @param {number} digits after the separator
 * @param {'decimal' | 'percent'} style
 */
function formatOf(digits, style) {
  const key = `${currentLanguage()} ${digits} ${style}`;
  const fraction = { minimumFractionDigits: digits, maximumFractionDigits: digits };
  const known = formats.get(key);
  const format =
    known ?? new Intl.NumberFormat(currentLanguage(), { ...fraction, style, useGrouping: false });
  formats.set(key, format);
  return format;
}

/** `toFixed` with the decimal separator of the language. @param {number} value @param {number} digits */
export const decimal = (value, digits) => formatOf(digits, 'decimal').format(value);

/**
 * Parameter counts and byte sizes: 748,035 → "748 k".
 * @param {number} value
 * @param {string} [unit]
 */
export function compact(value, unit = '') {
  const steps = /** @type {const} */ ([
    [1e9, 'G'],
    [1e6, 'M'],
    [1e3, 'k'],
  ]);
  for (const [scale, prefix] of steps) {
    if (value >= scale) {
      const scaled = value / scale;
      return `${decimal(scaled, scaled < 10 ? 2 : scaled < 100 ? 1 : 0)} ${prefix}${unit}`;
    }
  }
  return `${value} ${unit}`.trim();
}

/** As many digits as mean anything. @param {number} value @param {number} digits */
export const significant = (value, digits) =>
  new Intl.NumberFormat(currentLanguage(), {
    maximumSignificantDigits: digits,
    useGrouping: false,
  }).format(value);

/** @param {number | undefined} value */
export function loss(value) {
  if (value === undefined || Number.isNaN(value)) return '—';
  return decimal(value, value >= 10 ? 1 : 4);
}

/** @param {number | undefined} value */
export function rate(value) {
  if (!value || !Number.isFinite(value)) return '—';
  return decimal(value, value >= 100 ? 0 : value >= 10 ? 1 : 2);
}

/**
 * A duration that is honest about its precision: "40 s", "3 min", "1 h 20 min".
 * @param {number | undefined} seconds
 */
export function duration(seconds) {
  if (seconds === undefined || !Number.isFinite(seconds)) return '—';
  if (seconds < 60) return msg('{0} s', Math.max(0, Math.round(seconds)));
  const minutes = Math.round(seconds / 60);
  if (minutes < 60) return msg('{0} min', minutes);
  return msg('{0} h {1} min', Math.floor(minutes / 60), minutes % 60);
}

/**
 * How long ago something was; of what is older than a day, the date.
 * @param {number} time milliseconds since the epoch
 */
export function since(time) {
  const seconds = (Date.now() - time) / 1000;
  if (seconds < 86_400) return msg('{0} ago', duration(seconds));
  return new Intl.DateTimeFormat(currentLanguage(), { dateStyle: 'medium' }).format(time);
}

/**
 * A noise level for people: the ratio in decibels keeps 12 orders of magnitude readable.
 * @param {number} ratio
 */
export function decibels(ratio) {
  const value = 10 * Math.log10(ratio);
  return `${value > 0 ? '+' : value < 0 ? '−' : ''}${decimal(Math.abs(value), 1)} dB`;
}

/**
 * Bits per dimension.
 * @param {number | undefined} value
 */
export const bits = (value) => (value === undefined ? '—' : decimal(value, value < 0.1 ? 4 : 2));

/**
 * @param {number | null} value null where there is nothing to compare with
 */
export const ratio = (value) => (value === null ? '—' : decimal(value, 2));

/** @param {number | undefined} share 0 to 1 */
export const percent = (share) =>
  share === undefined ? '—' : formatOf(0, 'percent').format(share);
