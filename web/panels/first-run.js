import { html, nothing } from 'lit';
import { learnsCrops } from '../lib/config.js';
import { SETS } from '../lib/datasets.js';
import { define } from '../lib/define.js';
import { deviceWords } from '../lib/device-words.js';
import { IMAGE_TYPES, pickedFiles } from '../lib/dropped-files.js';
import { duration, integer, plural } from '../lib/format.js';
import { counted, midSentence, msg, translated } from '../lib/localize.js';
import { pictureAfter, runLengths, USUAL } from '../lib/run-lengths.js';
import { button } from './buttons.js';
import { fileField } from './fields.js';
import { Panel } from './panel.js';
import { newSeed } from './sample-controls.js';

/** How long the speed of training is measured before anything is said of it. */
const MEASURING_MS = 3000;

/**
 * The short way to a first model: images, a click, and how long it may take. All that it does the
 * panels below do too.
 */
export class FirstRun extends Panel {
  static shows = /** @type {const} */ (['images', 'run', 'sampling', 'status', 'training']);

  render() {
    const { session } = this;
    if (session.phase === 'failed') return nothing;
    const { state } = session.run;
    return html`<div class="first-run" part="first-run">
      ${state === 'training' ? this.#lengths() : session.run.trained ? this.#after() : this.#start()}
    </div>`;
  }

  get #locked() {
    const { phase, activity } = this.session;
    return phase !== 'ready' || activity !== '';
  }

  // --- before ---

  #start() {
    const { session } = this;
    const { images, dataset } = session.imageSet;
    const own = dataset === null && images.length > 0;
    const disabled = this.#locked;
    if (session.imageSet.canCrop) return this.#onePicture();
    return html`<div class="row">
        ${
          own
            ? button({
                label: counted(images.length, 'Train on your image', 'Train on your {0} images'),
                testid: 'first-train',
                kind: 'primary',
                disabled,
                click: () => this.#train(),
              })
            : this.#chooser({ label: msg('Train on your images'), kind: 'primary', trains: true })
        }
        ${own ? this.#chooser({ label: msg('Add more'), trains: false }) : this.#trySet()}
      </div>
      <p class="note">
        ${msg('Choose a dozen pictures or more of one kind, drop them anywhere, or paste them.')}
      </p>`;
  }

  #onePicture() {
    const { imageSet } = this.session;
    const disabled = this.#locked;
    const begin = (/** @type {boolean} */ crops) => async () => {
      await imageSet.useCrops(crops);
      this.#train();
    };
    return html`<div class="row">
        ${button({
          label: msg('Learn this one picture'),
          testid: 'first-crops',
          kind: 'primary',
          disabled,
          click: begin(true),
        })}
        ${this.#chooser({ label: msg('Add more'), trains: false })}
        ${button({
          label: msg('Train on your image'),
          testid: 'first-train',
          kind: 'link',
          disabled,
          click: begin(false),
        })}
      </div>
      <p class="note">
        ${msg(
          'From pieces of one picture a model learns to draw textures like it: new ones, larger ' +
            'ones, and more around the picture. Trained on the whole image it learns to draw that ' +
            'one again. With a dozen more of one kind it can draw others of that kind.',
        )}
      </p>`;
  }

  /**
   * @param {{ label: string, kind?: 'primary', trains: boolean }} chooser `trains` says whether
   *   training begins with the files
   */
  #chooser({ label, kind, trains }) {
    return fileField({
      label,
      testid: 'first-images',
      kind,
      accept: IMAGE_TYPES,
      multiple: true,
      disabled: this.#locked,
      change: async (files) => {
        const { imageSet } = this.session;
        await imageSet.add(pickedFiles(files));
        // None of the files may have been an image, and of one alone there is a choice.
        if (trains && imageSet.dataset === null && imageSet.images.length > 1) this.#train();
      },
    });
  }

  #trySet() {
    const { imageSet } = this.session;
    const set = SETS.find(({ id }) => id === imageSet.dataset) ?? SETS[0];
    return button({
      label: msg('Try it on {0}', midSentence(translated(set.title))),
      testid: 'first-set',
      disabled: this.#locked,
      click: async () => {
        if (imageSet.dataset !== set.id) await imageSet.choose(set.id);
        this.session.setContinues(false);
        this.#train();
      },
    });
  }

  #train() {
    const { session } = this;
    // Whoever has said how many steps there are to be means it.
    if (session.run.usesDefaultSteps) session.run.setSteps(USUAL);
    return session.train();
  }

  // --- meanwhile ---

  /** The speed that the lengths are worked out from, which are not to change under the pointer. */
  /** @type {number | undefined} */
  #rate;
  #beganAt = 0;

  willUpdate() {
    const { run, trainer } = this.session;
    if (!run.training) {
      this.#rate = undefined;
      this.#beganAt = performance.now();
    } else if (trainer.rate > 0 && performance.now() - this.#beganAt > MEASURING_MS) {
      this.#rate ??= trainer.rate;
    }
  }

  #lengths() {
    const { session } = this;
    const { run, trainer, lab } = session;
    const { compiling } = lab;
    const { eta } = trainer;
    const steps = [integer(lab.step), integer(run.target)];
    const images = learnsCrops(lab.config)
      ? msg('pieces of one picture')
      : plural(session.imageSet.images.length, 'image');
    return html`<div class="lengths" role="group" aria-label=${msg('How long it learns')}>
        ${runLengths(this.#rate).map((length) => this.#length(length))}
      </div>
      <progress
        aria-label=${msg('Training progress')}
        max="1"
        value=${run.target ? Math.min(1, lab.step / run.target) : 0}
      ></progress>
      <p class="note" data-testid="first-progress">
        ${
          compiling
            ? msg(
                'Preparing the GPU: {0} of {1} programs. This happens once.',
                compiling.done,
                compiling.total,
              )
            : [
                msg('Learning {0} {1}.', images, deviceWords(lab)),
                eta === undefined
                  ? msg('Step {0} of {1}.', ...steps)
                  : msg('Step {0} of {1}, {2} left.', ...steps, duration(eta)),
              ].join(' ')
        }
      </p>
      <div class="row">
        ${button({ label: msg('Pause'), testid: 'first-pause', click: () => session.pause() })}
      </div>`;
  }

  /** @param {import('../lib/run-lengths.js').RunLength} length */
  #length({ id, label, steps = 0 }) {
    const { run, trainer, lab } = this.session;
    const { address, steps: shown, share, count } = pictureAfter(steps);
    const left = steps && trainer.rate > 0 ? (steps - lab.step) / trainer.rate : undefined;
    const over = steps > 0 && steps <= lab.step;
    return html`<button
      type="button"
      class="length"
      data-testid="length-${id}"
      aria-pressed=${run.target === steps}
      ?disabled=${over || !steps}
      @click=${() => run.aimAt(steps)}
    >
      <span
        class="picture"
        role="img"
        aria-label=${msg('What a model of emoji faces draws after {0} steps', integer(shown))}
        .style=${`background-image: url('${address}'); background-size: ${count * 100}% 100%; background-position-x: ${share * 100}%`}
      ></span>
      <b>${label}</b>
      <span class="muted"
        >${over ? msg('reached') : left === undefined ? msg('measuring…') : msg('{0} more', duration(left))}</span
      >
    </button>`;
  }

  // --- after ---

  #after() {
    const { session } = this;
    const { run, lab } = session;
    const disabled = this.#locked || session.drawing;
    const paused = run.state === 'paused';
    const next = paused
      ? run.target
      : runLengths(undefined).find(({ steps = 0 }) => steps > lab.step)?.steps;
    const draw = button({
      label: msg('Draw new images'),
      testid: 'first-draw',
      kind: paused ? undefined : 'primary',
      disabled,
      click: () => {
        newSeed(session);
        session.sample();
      },
    });
    const goOn = () => {
      run.aimAt(/** @type {number} */ (next));
      session.train();
    };
    return html`<div class="row">
        ${paused ? nothing : draw}
        ${
          next
            ? button({
                label: paused ? msg('Go on') : msg('Learn longer'),
                testid: 'first-resume',
                kind: paused ? 'primary' : undefined,
                disabled,
                click: goOn,
              })
            : nothing
        }
        ${paused ? draw : nothing}
      </div>
      <p class="note">
        ${
          paused
            ? msg('Paused at step {0} of {1}.', integer(lab.step), integer(run.target))
            : msg(
                'Your model has learnt for {0} steps. It is kept under “Your runs”.',
                integer(lab.step),
              )
        }
      </p>`;
  }
}

define('unnoise-first-run', FirstRun);
