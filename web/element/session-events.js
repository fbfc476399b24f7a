/**
 * The events of a session: for each part of its state, that it has changed, for the panels that
 * show it, and what happened, for the page around.
 *
 * | part               | what has changed                                                     |
 * |--------------------|----------------------------------------------------------------------|
 * | `status`           | the phase, what is waited for, the backend, its workers and programs |
 * | `run`              | the model in the lab, whether it is being trained, its settings      |
 * | `images`           | the images to learn from, their labels, the bundled sets             |
 * | `training`         | the step, the loss, the speed                                        |
 * | `preview`          | what a model in training draws, and which of it is shown             |
 * | `milestones`       | how far training has come, in words                                  |
 * | `choices`          | what the visitor wants of training while the page is hidden          |
 * | `sampling`         | how samples are drawn; whether some are drawn or played              |
 * | `samples`          | the frame of the samples that is shown                               |
 * | `comparison`       | the samplers side by side, and their frames                          |
 * | `edits`            | the edits, and their frames                                          |
 * | `selectedSample`   | the sample that is looked at closely                                 |
 * | `favourites`       | the samples that are kept                                            |
 * | `noisePlane`       | the triangle between three of those, and where it is looked at       |
 * | `loop`             | the film through those, as it is made                                |
 * | `largeSamples`     | the pictures of any shape, and their frames                          |
 * | `forward`          | the forward process                                                  |
 * | `plane`            | the plane: its settings, its network, what is to be played           |
 * | `planeFrame`       | the place in the plane's animation                                   |
 * | `bundledRecording` | the recording that is shown at first                                 |
 * | `diagnostics`      | what was found out about the model                                   |
 * | `storedRuns`       | the runs that are kept, and the room for them                        |
 * | `messages`         | the messages                                                         |
 *
 * @typedef {'status' | 'run' | 'images' | 'training' | 'preview' | 'milestones' | 'choices' |
 *   'selectedSample' | 'favourites' | 'noisePlane' | 'loop' | 'largeSamples' | 'sampling' | 'samples' |
 *   'comparison' | 'edits' |
 *   'forward' | 'plane' | 'planeFrame' | 'bundledRecording' | 'diagnostics' | 'storedRuns' |
 *   'messages'} Part
 *
 * @typedef {'ready' | 'progress' | 'frame' | 'done' | 'error'} Happening
 */

export const HAPPENINGS = /** @type {Happening[]} */ ([
  'ready',
  'progress',
  'frame',
  'done',
  'error',
]);

export class SessionEvents extends EventTarget {
  /**
   * Calls back whenever one of these parts has changed.
   * @param {readonly Part[]} parts
   * @param {() => void} look
   * @param {AbortSignal} [signal] ends it
   */
  watch(parts, look, signal) {
    for (const part of parts) this.addEventListener(part, look, { signal });
  }

  /** @param {Part[]} parts */
  changed(...parts) {
    for (const part of parts) this.dispatchEvent(new Event(part));
  }

  /**
   * @param {Happening} type
   * @param {unknown} detail
   */
  dispatch(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}

/**
 * Parts change with what they consist of.
 * @param {import('./session.js').Session} session
 */
export function relayParts(session) {
  const { away, bundledRecording, comparison, diagnostics, editor, favourites, film } = session;
  const { forward, imageSet, largeSamples, loop, messages, milestones, noisePlane, plane } =
    session;
  const { run, samples, storedRuns, selectedSample, trainer } = session;
  /** @type {[EventTarget, type: string, ...Part[]][]} */
  const sources = [
    [run, 'change', 'run'],
    [trainer, 'change', 'training'],
    [trainer.preview, 'frame', 'preview'],
    [film, 'change', 'preview'],
    [film, 'frame', 'preview'],
    [milestones, 'change', 'milestones'],
    [away, 'change', 'choices'],
    [samples, 'change', 'sampling'],
    [samples, 'frame', 'samples'],
    [comparison, 'change', 'sampling', 'comparison'],
    [comparison, 'frame', 'comparison'],
    [editor, 'change', 'sampling', 'edits'],
    [editor, 'frame', 'edits'],
    [largeSamples, 'change', 'largeSamples', 'sampling'],
    [largeSamples, 'frame', 'largeSamples'],
    [selectedSample, 'change', 'selectedSample', 'sampling'],
    [selectedSample, 'frame', 'selectedSample'],
    [favourites, 'change', 'favourites'],
    [noisePlane, 'change', 'noisePlane'],
    [noisePlane, 'drawing', 'sampling'],
    [loop, 'change', 'loop'],
    [loop, 'drawing', 'sampling'],
    [forward, 'change', 'forward'],
    [plane, 'change', 'plane'],
    [plane, 'frame', 'planeFrame'],
    [bundledRecording, 'change', 'bundledRecording'],
    [bundledRecording, 'frame', 'bundledRecording'],
    [diagnostics, 'change', 'diagnostics'],
    [storedRuns, 'change', 'storedRuns'],
    [messages, 'change', 'messages'],
    [imageSet.findings, 'change', 'images'],
  ];
  for (const [source, type, ...parts] of sources) {
    source.addEventListener(type, () => session.changed(...parts));
  }
}
