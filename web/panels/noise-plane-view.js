import { html, nothing, svg } from 'lit';
import { define } from '../lib/define.js';
import { percent } from '../lib/format.js';
import { mixed, msg } from '../lib/localize.js';
import { button } from './buttons.js';
import './image-thumb.js';
import { Panel } from './panel.js';
import './pixel-grid.js';

/** An equilateral triangle in a square of 100, its corners in order. @type {[x: number, y: number][]} */
const TRIANGLE = [
  [50, 6.7],
  [0, 93.3],
  [100, 93.3],
];
/** Of an arrow key, as a share of the side. */
const KEY_STEP = 0.05;

/** A triangle to drag a point in, and the sample at that point. */
export class NoisePlaneView extends Panel {
  static shows = /** @type {const} */ (['noisePlane', 'favourites', 'status']);

  #dragging = false;

  render() {
    const { noisePlane, phase } = this.session;
    const { corners, shares, shown, drawing } = noisePlane;
    const [x, y] = placeOf(shares);
    const words = shares
      .map((share, index) => msg('{0} of corner {1}', percent(share), index + 1))
      .join(', ');
    return html`<figure class="noise-plane">
      <figcaption>
        ${mixed('Between three {0}', html`<span class="muted">${msg('drag the point: the sample follows')}</span>`)}
      </figcaption>
      <div class="noise-plane-body">
        <div
          class="noise-plane-pad"
          tabindex="0"
          role="slider"
          aria-label=${msg('Place between three favourites')}
          aria-valuemin="0"
          aria-valuemax="100"
          aria-valuenow=${Math.round(shares[0] * 100)}
          aria-valuetext=${words}
          data-testid="noise-plane-pad"
          @pointerdown=${this.#down}
          @pointermove=${this.#move}
          @pointerup=${this.#up}
          @pointercancel=${this.#up}
          @keydown=${this.#key}
        >
          <svg viewBox="0 0 100 100" aria-hidden="true">
            ${svg`<polygon points=${TRIANGLE.map((corner) => corner.join()).join(' ')} />
              <circle cx=${x} cy=${y} r="5" />`}
          </svg>
          ${corners.map(
            (corner, index) =>
              html`<unnoise-thumb
                .image=${corner}
                .style=${`left: ${TRIANGLE[index][0]}%; top: ${TRIANGLE[index][1]}%`}
              ></unnoise-thumb>`,
          )}
        </div>
        <div class="noise-plane-sample">
          ${
            shown
              ? html`<unnoise-pixels
                  .testid=${'noise-plane-canvas'}
                  .label=${msg('The sample at this place')}
                  .tiles=${{ rgb: shown.rgb, count: 1, size: shown.size }}
                  data-fine=${shown.fine}
                ></unnoise-pixels>`
              : html`<div class="hint"><p>${msg('The sample at the point appears here.')}</p></div>`
          }
          <div class="row">
            ${button({
              label: msg('Keep'),
              testid: 'noise-plane-keep',
              kind: 'small',
              disabled: !shown?.fine || drawing || phase !== 'ready',
              click: () => shown && this.session.favourites.add(shown),
            })}
            ${button({
              label: msg('Look closer'),
              testid: 'noise-plane-open',
              kind: 'small',
              disabled: !shown?.fine || drawing || phase !== 'ready',
              click: () => shown && this.session.selectedSample.open(shown),
            })}
          </div>
          <p class="note" role="status">${drawing ? msg('Drawing…') : nothing}</p>
        </div>
      </div>
    </figure>`;
  }

  /** @param {PointerEvent} event */
  #down = (event) => {
    if (event.button !== 0) return;
    /** @type {HTMLElement} */ (event.currentTarget).setPointerCapture(event.pointerId);
    this.#dragging = true;
    this.#go(event, false);
  };

  /** @param {PointerEvent} event */
  #move = (event) => {
    if (this.#dragging) this.#go(event, false);
  };

  /** @param {PointerEvent} event */
  #up = (event) => {
    if (!this.#dragging) return;
    this.#dragging = false;
    this.#go(event, true);
  };

  /**
   * @param {PointerEvent} event
   * @param {boolean} fine
   */
  #go({ currentTarget, clientX, clientY }, fine) {
    const { left, top, width, height } = /** @type {HTMLElement} */ (
      currentTarget
    ).getBoundingClientRect();
    const x = ((clientX - left) / width) * 100;
    const y = ((clientY - top) / height) * 100;
    this.session.noisePlane.move(sharesAt(x, y), { fine });
  }

  /** @param {KeyboardEvent} event */
  #key = (event) => {
    /** @type {Record<string, [x: number, y: number]>} */
    const ways = {
      ArrowLeft: [-1, 0],
      ArrowRight: [1, 0],
      ArrowUp: [0, -1],
      ArrowDown: [0, 1],
    };
    if (!Object.hasOwn(ways, event.key)) return;
    event.preventDefault();
    const [x, y] = placeOf(this.session.noisePlane.shares);
    const [right, down] = ways[event.key].map((way) => way * KEY_STEP * 100);
    this.session.noisePlane.move(sharesAt(x + right, y + down), { fine: true });
  };
}

/**
 * Where a point of the triangle is.
 * @param {number[]} shares of the corners
 */
const placeOf = (shares) =>
  [0, 1].map((axis) =>
    shares.reduce((sum, share, index) => sum + share * TRIANGLE[index][axis], 0),
  );

/**
 * The shares of the corners in a place, or in one at the edge where that is outside.
 * @param {number} x
 * @param {number} y
 */
function sharesAt(x, y) {
  const [[ax, ay], [bx, by], [cx, cy]] = TRIANGLE;
  const area = (by - cy) * (ax - cx) + (cx - bx) * (ay - cy);
  const a = ((by - cy) * (x - cx) + (cx - bx) * (y - cy)) / area;
  const b = ((cy - ay) * (x - cx) + (ax - cx) * (y - cy)) / area;
  const inside = [a, b, 1 - a - b].map((share) => Math.max(0, share));
  const sum = inside.reduce((total, share) => total + share, 0);
  return inside.map((share) => share / sum);
}

define('unnoise-noise-plane', NoisePlaneView);
