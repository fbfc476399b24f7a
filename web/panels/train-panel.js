import { html, nothing } from 'lit';
import { download } from '../lib/canvas.js';
import { define } from '../lib/define.js';
import { compact, duration, integer, loss, rate } from '../lib/format.js';
import { unpackImageZips } from '../lib/image-zips.js';
import { mixed, msg } from '../lib/localize.js';
import { MODEL_TYPES, modelFile, savedName } from '../lib/model-files.js';
import { lossPlot } from '../lib/plot.js';
import { lossEquation, lossMeaning } from './equations/objective.js';
import { optimiserEquations } from './equations/optimiser.js';
import { chartTable } from './chart-table.js';
import { checkField, fileField, segmentedField } from './fields.js';
import './history-view.js';
import { optimalLossLine, optimalLossNote } from './optimal-loss-note.js';
import { TermHighlighter } from './term-highlighter.js';
import { Panel } from './panel.js';
import { button, runButton } from './buttons.js';
import { readout } from './readout.js';
import { trainSettings } from './train-settings.js';

/** 3: learning the way back. */
export class TrainPanel extends Panel {
  static shows = /** @type {const} */ ([
    'training',
    'preview',
    'choices',
    'diagnostics',
    'images',
    'run',
    'status',
  ]);

  #plottedAt = 0;
  /** The chart that was last drawn, and what. @type {unknown[]} */
  #plotted = [];
  /** The step of the drawing that is looked back at. @type {number | undefined} */
  #lookedAt;
  /** Whether an export has the state of training. */
  #withState = false;

  constructor() {
    super();
    new TermHighlighter(this);
  }

  render() {
    const { config } = this.session.run;
    return html`<section class="panel train" part="panel" aria-labelledby="train-title">
      <header>
        <span class="number" aria-hidden="true">3</span>
        <h2 id="train-title">${msg('Train')}</h2>
        ${config ? lossEquation(config) : nothing}
      </header>
      <p class="lead">
        ${msg(
          'A small U-Net sees noisy images and learns to tell the noise in them from the ' +
            'image, a little better with every step.',
        )}
      </p>
      ${config ? [lossMeaning(config), optimiserEquations(config)] : nothing}
      <div class="split">
        <div class="controls">
          ${this.#buttons()} ${this.#choice()} ${trainSettings(this.session)} ${this.#away()}
          ${this.#files()}
        </div>
        <div class="results">
          ${this.#readouts()}
          <div
            class="plot"
            id="loss-plot"
            role="img"
            aria-label=${msg('Loss by training step')}
            ?hidden=${this.#empty}
          ></div>
          ${this.#empty ? nothing : lossTable(this.session)}
          ${
            this.#empty
              ? this.#hint()
              : [
                  optimalLossNote(this.session),
                  html`<unnoise-history .session=${this.session}></unnoise-history>`,
                ]
          }
        </div>
      </div>
    </section>`;
  }

  #buttons() {
    const { session } = this;
    const { run } = session;
    const ready = session.phase === 'ready' && !session.activity;
    const resumes = run.state === 'paused';
    const label = !run.continues
      ? msg('Start training')
      : resumes
        ? msg('Resume')
        : msg('Train on');
    return html`<div class="row">
      ${runButton({
        running: run.training,
        start: { label, testid: 'train', disabled: !ready, click: () => session.train() },
        stop: { label: msg('Pause'), testid: 'pause', click: () => session.pause() },
      })}
      ${button({
        label: msg('Reset'),
        testid: 'reset',
        disabled: !ready || !run.canContinue,
        click: () => session.reset(),
      })}
    </div>`;
  }

  /** Only a model that has learnt something leaves a choice. */
  #choice() {
    const { session } = this;
    const { run } = session;
    return segmentedField({
      hidden: !run.canContinue || run.training,
      label: msg('Start from'),
      name: 'start-from',
      value: run.continues ? 'continue' : 'scratch',
      options: [
        ['scratch', msg('random weights')],
        [
          'continue',
          session.lab.step ? msg('step {0}', integer(session.lab.step)) : msg('the loaded model'),
        ],
      ],
      change: (value) => session.setContinues(value === 'continue'),
    });
  }

  /** What is to happen while the visitor looks at something else. */
  #away() {
    const { away } = this.session;
    return html`<div
      class="away"
      role="group"
      aria-label=${msg('While you look at something else')}
    >
      ${checkField({
        label: msg('Pause while this tab is hidden'),
        testid: 'preview-pauses',
        value: away.pauses,
        change: (value) => away.setPauses(value),
      })}
      ${
        away.canNotify
          ? checkField({
              label: msg('Notify me when it is done'),
              testid: 'preview-notify',
              value: away.notifies,
              change: (value) => away.setNotifies(value),
            })
          : nothing
      }
    </div>`;
  }

  #files() {
    const { session } = this;
    const { lab, run } = session;
    const idle = session.phase === 'ready' && !session.activity && !run.training;
    const save = async (
      /** @type {() => Promise<Uint8Array>} */ write,
      /** @type {string} */ ending,
    ) => {
      const name = savedName(session.imageSet.dataset, lab.step);
      try {
        await session.awake();
        const bytes = /** @type {BlobPart} */ (await write());
        download(new Blob([bytes]), `${name}${ending}`);
        session.messages.say('saved', msg('Saved {0}{1} with your downloads.', name, ending));
      } catch (error) {
        session.fail(error, 'save');
      }
    };
    const disabled = session.phase !== 'ready';
    return html`<div class="row files">
        ${button({
          label: msg('Save model'),
          testid: 'save-model',
          disabled,
          click: () => save(() => lab.save(), '.safetensors'),
        })}
        ${button({
          label: msg('Save small'),
          testid: 'save-small',
          disabled,
          click: () => save(() => lab.save({ half: true }), '-small.safetensors'),
        })}
        ${button({
          label: msg('Export for diffusers'),
          testid: 'export-diffusers',
          disabled,
          click: () => {
            const trainingState = this.#withState;
            return save(() => lab.export('diffusers', { trainingState }), '-diffusers.zip');
          },
        })}
        ${fileField({
          label: msg('Load'),
          testid: 'load-model',
          accept: MODEL_TYPES,
          disabled: !idle,
          change: ([file]) => load(session, file),
        })}
      </div>
      ${checkField({
        label: msg('Export with the state of training'),
        testid: 'export-state',
        value: this.#withState,
        hint: msg(
          'Adds unnoise.safetensors to the zip, with which training goes on as if it had never ' +
            'stopped: in Python, or here when the zip is loaded. Four times the size',
        ),
        change: (chosen) => {
          this.#withState = chosen;
        },
      })}
      <p class="explanation">
        ${mixed(
          '“Save model” keeps everything, to go on training later; “Save small” only what ' +
            'sampling needs, at half precision.',
        )}
        ${exportHint(lab)}
      </p>`;
  }

  #readouts() {
    const { run, trainer, lab } = this.session;
    const aim = run.target ? html`<small>/ ${integer(run.target)}</small>` : nothing;
    return html`<dl class="readouts" part="readouts">
        <div>
          <dt>${msg('step')}</dt>
          <dd><span data-testid="step">${integer(lab.step)}</span> ${aim}</dd>
        </div>
        ${readout(msg('loss'), 'loss', loss(trainer.curve.latest))}
        ${readout(msg('steps a second'), 'rate', rate(trainer.rate))}
        ${readout(msg('time left'), 'eta', run.training ? duration(trainer.eta) : '—')}
        ${readout(msg('parameters'), 'parameters', compact(lab.parameterCount))}
      </dl>
      ${
        run.training && lab.compiling
          ? preparing(lab.compiling)
          : html`<progress
              aria-label=${msg('Training progress')}
              max="1"
              value=${run.target ? Math.min(1, lab.step / run.target) : 0}
            ></progress>`
      }`;
  }

  get #empty() {
    const { curve, preview } = this.session.trainer;
    return curve.steps.length === 0 && !preview.frame;
  }

  #hint() {
    const { session } = this;
    return html`<div class="hint">
      <p>
        ${
          session.run.training
            ? msg('The loss and the first drawings appear here.')
            : session.imageSet.images.length
              ? msg(
                  'Press Start: the loss and the first drawings appear here. You can pause at any ' +
                    'time; a closed tab loses seconds of it.',
                )
              : msg('Add images first, or choose one of the sets above.')
        }
      </p>
    </div>`;
  }

  updated() {
    const { run, trainer, film } = this.session;
    const { curve } = trainer;
    const shown = film.looksBack ? film.snapshot?.step : undefined;
    const plot = this.plot('loss-plot', (container) =>
      trainingPlot(container, () => this.#lookedAt),
    );
    if (shown !== this.#lookedAt) {
      this.#lookedAt = shown;
      plot.redraw();
    }
    const optimal = optimalLossLine(this.session);
    const plotted = [plot, curve.steps.length, optimal];
    const now = performance.now();
    // Drawing thousands of points at each report would be felt; four times a second is enough.
    const early = run.training && now - this.#plottedAt < 250;
    if (early || plotted.every((value, index) => value === this.#plotted[index])) return;
    this.#plottedAt = now;
    this.#plotted = plotted;
    plot.set([curve.steps, curve.means, curve.smoothed, curve.steps.map(() => optimal)]);
  }
}

/**
 * Opens a model; a zip of images is taken as those.
 * @param {import('../element/session.js').Session} session
 * @param {File} file
 */
async function load(session, file) {
  const { given, failures } = await unpackImageZips([{ file, path: file.name }]);
  for (const failure of failures) session.fail(failure, 'files');
  if (given.some((one) => one.file !== file)) await session.imageSet.add(given);
  else if (given.length) await session.openModel(modelFile(file));
}

/** @param {import('../element/session.js').Session} session */
const lossTable = (session) =>
  chartTable(
    msg('The loss'),
    [msg('step'), msg('loss'), msg('loss, smoothed'), msg('least possible')],
    () => {
      const { steps, means, smoothed } = session.trainer.curve;
      return [steps, means, smoothed, steps.map(() => optimalLossLine(session))];
    },
  );

/**
 * @param {HTMLElement} container
 * @param {() => number | undefined} marked a step
 */
const trainingPlot = (container, marked) =>
  lossPlot(
    container,
    (colour) => [
      { stroke: () => colour('--faint'), width: 1, points: { show: false } },
      { stroke: () => colour('--accent'), width: 2, points: { show: false } },
      { stroke: () => colour('--muted'), dash: [6, 5], width: 1.5, points: { show: false } },
    ],
    marked,
  );

/**
 * What the first step waits for.
 * @param {import('../worker/protocol.js').Compiling} compiling
 */
const preparing = ({ done, total }) =>
  html`<progress aria-label=${msg('Preparing the GPU')} max=${total} value=${done}></progress>
    <p class="muted" data-testid="preparing">
      ${mixed('Preparing the GPU: {0} of {1} programs compiled. This happens once.', done, total)}
    </p>`;

/**
 * What becomes of the model in diffusers.
 * @param {import('../lab.js').Lab} lab
 */
function exportHint({ labels }) {
  const hint = msg(
    'The export is a zip that, unpacked, DDPMPipeline.from_pretrained loads in Python.',
  );
  if (labels.length === 0) return hint;
  const without = msg(
    'The pipeline cannot be told a label: for that sample with its parts, ' +
      'pipe.unet(x, t, class_labels) and pipe.scheduler.',
  );
  return `${hint} ${without}`;
}

define('unnoise-train-panel', TrainPanel);
