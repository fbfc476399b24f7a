import { html, nothing } from 'lit';
import { define } from '../lib/define.js';
import { compact } from '../lib/format.js';
import { counted, msg } from '../lib/localize.js';
import { RUN_ENDING } from '../lib/model-files.js';
import { button } from './buttons.js';
import { fileField } from './fields.js';
import { Panel } from './panel.js';
import { runCard } from './run-card.js';
import './run-comparison.js';

/** The runs that are kept in this browser. */
export class RunsPanel extends Panel {
  static shows = /** @type {const} */ (['storedRuns', 'run', 'status']);

  static properties = {
    ...Panel.properties,
    compared: { state: true },
    confirming: { state: true },
  };

  constructor() {
    super();
    /** Ids of the runs to compare, the one chosen last at the end. @type {string[]} */
    this.compared = [];
    /** What is to be deleted once that is confirmed: an id, or everything. */
    this.confirming = '';
  }

  render() {
    const { runs } = this.session.storedRuns;
    const pair = runs.filter(({ id }) => this.compared.includes(id));
    return html`<section class="panel runs" part="panel" aria-labelledby="runs-title">
      <header><h2 id="runs-title">${msg('Your runs')}</h2></header>
      <p class="lead">
        ${msg('Each run is kept in this browser as it trains, with its images. Nothing is uploaded.')}
      </p>
      ${
        runs.length
          ? html`<ul class="run-list" aria-label=${msg('Runs')}>
              ${runs.map((run) => this.#card(run))}
            </ul>`
          : html`<p class="empty">
              ${msg('No runs yet: one is kept once it has trained a few seconds.')}
            </p>`
      }
      ${this.#damaged()}
      ${
        pair.length === 2
          ? html`<unnoise-run-comparison
              .session=${this.session}
              .runs=${pair}
            ></unnoise-run-comparison>`
          : nothing
      }
      ${this.compared.length === 1 ? html`<p class="note">${msg('Choose another to compare.')}</p>` : nothing}
      ${this.#storage()}
    </section>`;
  }

  get #locked() {
    const { phase, activity, run } = this.session;
    return phase !== 'ready' || activity !== '' || run.training;
  }

  /** @param {import('../store/schema.js').RunRecord} record */
  #card(record) {
    const { storedRuns, run } = this.session;
    const { id } = record;
    return runCard(record, {
      locked: this.#locked,
      current: run.id === id,
      compared: this.compared.includes(id),
      confirming: this.confirming === id,
      open: () => storedRuns.open(id),
      rename: (name) => storedRuns.rename(id, name),
      duplicate: () => storedRuns.duplicate(id),
      save: () => storedRuns.export(record),
      remove: (sure) => this.#confirm(id, sure, () => storedRuns.remove(id)),
      compare: () => this.#compare(id),
    });
  }

  /** @param {string} id */
  #compare(id) {
    const others = this.compared.filter((other) => other !== id);
    this.compared = others.length < this.compared.length ? others : [...others, id].slice(-2);
  }

  /**
   * What cannot be taken back is asked for twice.
   * @param {string} what
   * @param {boolean} sure
   * @param {() => unknown} remove
   */
  #confirm(what, sure, remove) {
    const confirmed = this.confirming === what;
    this.confirming = sure && !confirmed ? what : '';
    if (sure && confirmed) remove();
  }

  #damaged() {
    const { storedRuns } = this.session;
    if (!storedRuns.damaged.length) return nothing;
    return html`<p class="note" data-testid="runs-damaged">
      ${counted(
        storedRuns.damaged.length,
        '{0} stored run could not be read. Nothing of it was changed.',
        '{0} stored runs could not be read. Nothing of them was changed.',
      )}
      ${button({
        label: msg('Delete for good'),
        testid: 'runs-delete-damaged',
        kind: 'small',
        click: () => Promise.all(storedRuns.damaged.map((id) => storedRuns.remove(id))),
      })}
    </p>`;
  }

  #storage() {
    const { storedRuns } = this.session;
    const { space, runs } = storedRuns;
    const all = 'everything';
    const removeAll = (/** @type {boolean} */ sure) => () =>
      this.#confirm(all, sure, () => storedRuns.removeAll());
    const sure = this.confirming === all;
    return html`<div class="row run-storage">
      ${
        space
          ? html`<p class="muted" data-testid="runs-space">
              ${msg('{0} used, {1} left.', compact(space.used, 'B'), compact(space.left, 'B'))}
              ${space.persisted ? msg('The browser keeps it even when the disk is full.') : nothing}
              ${
                space.page
                  ? html`<span data-testid="runs-page">
                      ${msg('The page itself is part of it, so that it opens without a network.')}
                    </span>`
                  : nothing
              }
            </p>`
          : nothing
      }
      ${fileField({
        label: msg('Import a run'),
        testid: 'run-import',
        accept: `${RUN_ENDING},.zip`,
        disabled: this.session.phase !== 'ready',
        change: ([file]) => storedRuns.import(file),
      })}
      ${
        space && !space.persisted && runs.length
          ? button({
              label: msg('Protect from clearing'),
              testid: 'runs-persist',
              title: msg('Asks the browser to keep the runs even when the disk is full'),
              click: () => storedRuns.persist(),
            })
          : nothing
      }
      ${
        runs.length || space?.page
          ? button({
              label: sure
                ? msg('Delete everything for good')
                : msg('Delete everything stored here'),
              testid: sure ? 'runs-delete-all-sure' : 'runs-delete-all',
              disabled: this.#locked,
              click: removeAll(true),
            })
          : nothing
      }
      ${
        sure && space?.page
          ? html`<p class="note">${msg('The page itself is kept again on the next visit.')}</p>`
          : nothing
      }
      ${sure ? button({ label: msg('Keep'), testid: 'runs-keep-all', click: removeAll(false) }) : nothing}
    </div>`;
  }
}

define('unnoise-runs-panel', RunsPanel);
