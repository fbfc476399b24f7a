/**
 * Samples that are dragged from one place of the page to another.
 *
 * @import { Subject } from '../element/selected-sample.js'
 */

const TYPE = 'application/x-unnoise-sample';

/** What is dragged, until something else is. @type {Subject | undefined} */
let dragged;

/**
 * @param {DragEvent} event `dragstart`
 * @param {Subject} subject
 */
export function lift({ dataTransfer }, subject) {
  if (!dataTransfer) return;
  dragged = subject;
  dataTransfer.effectAllowed = 'copy';
  // Empty data would count as none.
  dataTransfer.setData(TYPE, 'sample');
}

/**
 * Lets a sample be dropped: for `dragover`.
 * @param {DragEvent} event
 */
export function allow(event) {
  if (event.dataTransfer?.types.includes(TYPE)) event.preventDefault();
}

/**
 * The sample that is dropped, if it is one: for `drop`.
 * @param {DragEvent} event
 */
export function dropped(event) {
  if (!event.dataTransfer?.types.includes(TYPE)) return undefined;
  event.preventDefault();
  return dragged;
}
