import { html, nothing } from 'lit';
import { SHAPES } from '../element/large-samples.js';
import { canvasToPng, download, drawPicture } from '../lib/canvas.js';
import { define } from '../lib/define.js';
import { marked, msg, translated, translatedOptions } from '../lib/localize.js';
import { button, runButton } from './buttons.js';
import { segmentedField } from './fields.js';
import { Panel } from './panel.js';
import { newSeed } from './sample-controls.js';

/** @typedef {import('../element/large-samples.js').ShapeId} ShapeId */

/** Pictures of any shape, by a model that learnt from crops of one. Nothing for other models. */
export class LargeSamplesPanel extends Panel {
  static shows = /** @type {const} */ (['largeSamples', 'sampling', 'images', 'run', 'status']);

  render() {
    const { largeSamples, lab } = this.session;
    if (!largeSamples.available) return nothing;
    const { size } = lab.config;
    return html`<section class="panel large-samples" part="panel" aria-labelledby="large-title">
      <header>
        <h2 id="large-title">${msg('Pictures of any shape')}</h2>
      </header>
      <p class="lead">
        ${msg(
          'This model learnt from pieces of {0} × {1} pixels of your picture, and nothing of ' +
            'where they were. So it draws what looks like the picture from near by, at any size: ' +
            'textures go on for ever, while things come out of order.',
          size,
          size,
        )}
      </p>
      <div class="split">
        <div class="controls">${this.#choices()} ${this.#buttons()}</div>
        <div class="results">${this.#result()}</div>
      </div>
    </section>`;
  }

  #choices() {
    const { largeSamples } = this.session;
    return html`${segmentedField({
      label: msg('What to draw'),
      name: 'large-kind',
      value: largeSamples.extends ? 'extend' : 'new',
      options: [
        ['new', msg('A new picture')],
        ['extend', msg('More around mine')],
      ],
      change: (kind) => largeSamples.choose({ extends: kind === 'extend' }),
    })}
    ${segmentedField({
      label: msg('Shape'),
      name: 'large-shape',
      value: largeSamples.shape,
      options: translatedOptions(SHAPES.map(({ id, label }) => [id, label])),
      change: (shape) => largeSamples.choose({ shape: /** @type {ShapeId} */ (shape) }),
    })}`;
  }

  #buttons() {
    const { session } = this;
    const { largeSamples } = session;
    const { missing, recording } = largeSamples;
    const ready = session.phase === 'ready' && !session.activity && !missing;
    const { frame } = recording;
    return html`<div class="row">
        ${runButton({
          running: recording.sampling,
          start: {
            label: msg('Draw'),
            testid: 'large-run',
            disabled: !ready,
            click: () => {
              newSeed(session);
              largeSamples.run();
            },
          },
          stop: { label: msg('Stop'), testid: 'large-stop', click: () => largeSamples.stop() },
        })}
        ${button({
          label: msg('Save PNG'),
          testid: 'large-png',
          disabled: !recording.finished,
          click: () => this.#save(),
        })}
      </div>
      <p class="note" data-testid="large-note" aria-live="polite">
        ${
          missing ||
          (recording.sampling && frame
            ? msg('Step {0} of {1}.', frame.index, recording.total)
            : translated(SPEED))
        }
      </p>`;
  }

  #result() {
    const { largeSamples } = this.session;
    const { recording, kept } = largeSamples;
    const { frame } = recording;
    if (!frame) return html`<div class="hint"><p>${msg('The picture appears here.')}</p></div>`;
    const { width, height } = frame;
    const percent = (/** @type {number} */ part, /** @type {number} */ whole) =>
      `${(100 * part) / whole}%`;
    return html`<figure class="large-sample">
      <div class="within" .style=${`aspect-ratio: ${width} / ${height}; --width: ${width}`}>
        <canvas
          role="img"
          part="canvas"
          aria-label=${kept ? msg('A picture of {0} × {1} pixels, yours in its middle', width, height) : msg('A picture of {0} × {1} pixels', width, height)}
          data-testid="large-canvas"
        ></canvas>
        ${
          kept
            ? html`<span
                class="kept"
                data-testid="large-kept"
                .style=${`left: ${percent(kept.left, width)}; top: ${percent(kept.top, height)}; width: ${percent(kept.width, width)}; height: ${percent(kept.height, height)}`}
              ></span>`
            : nothing
        }
      </div>
      <figcaption>
        ${msg('{0} × {1} pixels.', width, height)}
        ${kept ? msg('Within the outline is your picture; the model drew what is around it.') : nothing}
      </figcaption>
    </figure>`;
  }

  /** @returns {HTMLCanvasElement | null} */
  get #canvas() {
    return this.querySelector('[data-testid="large-canvas"]');
  }

  updated() {
    const { recording } = this.session.largeSamples;
    const canvas = this.#canvas;
    if (!canvas || !recording.frame) return;
    drawPicture(canvas, recording.frame.x_t, recording.frame);
    canvas.dataset.state = recording.finished && recording.ended ? 'done' : 'sampling';
  }

  async #save() {
    const { session } = this;
    const canvas = this.#canvas;
    if (!canvas) return;
    try {
      session.largeSamples.recording.seekEnd();
      await this.updateComplete;
      const name = `unnoise-${canvas.width}x${canvas.height}.png`;
      download(await canvasToPng(canvas, 1), name);
      session.messages.say('saved', msg('Saved {0} with your downloads.', name));
    } catch (error) {
      session.fail(error, 'save');
    }
  }
}

const SPEED = marked(
  'A large picture takes as long as a dozen small ones, and more around yours thrice that.',
);

define('unnoise-large-samples-panel', LargeSamplesPanel);
