import { LabError } from '../lib/errors.js';
import { msg } from '../lib/localize.js';
import { endUnused } from '../lib/worker-pool.js';

/**
 * One engine for all figures of a page. The figure that was used last has it; the others rest: they
 * keep their model, their images and what they show, and take the engine again when they are used.
 *
 * Who uses a figure gets the engine at once, and what the other figure is doing is paused. A figure
 * that merely comes into view waits until the other one is idle.
 *
 * @import { Session } from './session.js'
 * @typedef {object} Claim
 * @property {Session} session
 * @property {boolean} patient whether it waits until the owner is idle
 * @property {() => void} resolve
 * @property {(error: unknown) => void} reject
 */

/** How long a figure has done nothing before one that waits may have the engine, in milliseconds. */
const IDLE_MS = 400;

/** @type {Session | undefined} */
let owner;
/** @type {Claim[]} */
let claims = [];
let moving = false;
/** The owner, once it has begun to give the engine away. @type {Session | undefined} */
let leaving;
let timer = 0;

/**
 * Resolves once the engine belongs to a session. The others then rest.
 *
 * @param {Session} session
 * @param {{ patient?: boolean }} [how] whether to wait until whoever has it is idle
 * @returns {Promise<void>}
 */
export function claimEngine(session, { patient = false } = {}) {
  // One that is about to give it away, but has not begun to, goes on with what it is doing.
  if (owner === session && leaving !== session) return Promise.resolve();
  return new Promise((resolve, reject) => {
    claims.push({ session, patient, resolve, reject });
    advance();
  });
}

/** A session that waits for the engine no longer does so patiently. @param {Session} session */
export function hurry(session) {
  claims = claims.map((claim) =>
    claim.session === session ? { ...claim, patient: false } : claim,
  );
  advance();
}

/** A session is over, or has left the page. @param {Session} session */
export function releaseEngine(session) {
  const dropped = claims.filter((claim) => claim.session === session);
  claims = claims.filter((claim) => claim.session !== session);
  for (const { reject } of dropped) reject(new LabError('aborted', 'The figure left the page.'));
  if (owner === session && !moving) owner = undefined;
  if (claims.length === 0) endUnused();
  advance();
}

/** The owner may have become idle, or a figure that waits may have come into view. */
export function engineChanged() {
  if (claims.length) advance();
}

async function advance() {
  if (moving) return;
  const claim = next();
  if (!claim) return;
  claims = claims.filter((other) => other !== claim);
  moving = true;
  try {
    await owner?.rest(() => (leaving = owner));
    owner = claim.session;
    claim.resolve();
  } catch (cause) {
    const { message } = LabError.from(cause);
    const sentence = msg('The other figure of this page could not be put aside ({0}).', message);
    claim.reject(new LabError('internal', sentence, { cause }));
  } finally {
    moving = false;
    leaving = undefined;
  }
  advance();
}

/** @returns {Claim | undefined} the one whose turn it is, if it need not wait */
function next() {
  clearTimeout(timer);
  const urgent = claims.find(({ patient }) => !patient);
  if (urgent) return urgent;
  const patient = claims.find(({ session }) => session.visible);
  if (!patient || !owner) return patient;
  if (owner.busy) return undefined;
  const idle = performance.now() - owner.busyAt;
  if (idle >= IDLE_MS) return patient;
  timer = window.setTimeout(advance, IDLE_MS - idle + 10);
  return undefined;
}
