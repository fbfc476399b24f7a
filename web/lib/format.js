/** Numbers as a person reads them. */

const whole = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });

/** @param {number} value */
export const integer = (value) => whole.format(value);

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
      return `${scaled.toFixed(scaled < 10 ? 2 : scaled < 100 ? 1 : 0)} ${prefix}${unit}`;
    }
  }
  return `${value} ${unit}`.trim();
}

/** @param {number | undefined} value */
export function loss(value) {
  if (value === undefined || Number.isNaN(value)) return '—';
  return value >= 10 ? value.toFixed(1) : value.toFixed(4);
}

/** @param {number | undefined} value */
export function rate(value) {
  if (!value || !Number.isFinite(value)) return '—';
  return value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2);
}

/**
 * A duration that is honest about its precision: "40 s", "3 min", "1 h 20 min".
 * @param {number | undefined} seconds
 */
export function duration(seconds) {
  if (seconds === undefined || !Number.isFinite(seconds)) return '—';
  if (seconds < 60) return `${Math.max(0, Math.round(seconds))} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

const day = new Intl.DateTimeFormat('en', { dateStyle: 'medium' });

/**
 * How long ago something was; of what is older than a day, the date.
 * @param {number} time milliseconds since the epoch
 */
export function since(time) {
  const seconds = (Date.now() - time) / 1000;
  return seconds < 86_400 ? `${duration(seconds)} ago` : day.format(time);
}

/**
 * @param {number} count
 * @param {string} noun
 * @param {string} [plural]
 */
export const plural = (count, noun, plural = `${noun}s`) =>
  `${integer(count)} ${count === 1 ? noun : plural}`;

/**
 * A noise level for people: the ratio in decibels keeps 12 orders of magnitude readable.
 * @param {number} ratio
 */
export function decibels(ratio) {
  const value = 10 * Math.log10(ratio);
  return `${value > 0 ? '+' : value < 0 ? '−' : ''}${Math.abs(value).toFixed(1)} dB`;
}

/**
 * Bits per dimension.
 * @param {number | undefined} value
 */
export const bits = (value) => (value === undefined ? '—' : value.toFixed(value < 0.1 ? 4 : 2));

/**
 * @param {number | null} value null where there is nothing to compare with
 */
export const ratio = (value) => (value === null ? '—' : value.toFixed(2));

/** @param {number | undefined} share 0 to 1 */
export const percent = (share) => (share === undefined ? '—' : `${Math.round(share * 100)}%`);
