// The types of the element, of its table: types/index.d.ts, and those of its tag in frameworks. The
// lab's are written by tsc.
import { EVENTS, METHODS, PROPERTIES, readAttributes, SUMMARY } from './element.mjs';

const comment = (text) => `/** ${text} */`;

/** @returns {Promise<Record<string, string>>} the contents of files by their names */
export async function elementTypes() {
  const attributes = await readAttributes();
  return {
    'index.d.ts': index(attributes),
    'react.d.ts': react,
    'solid.d.ts': solid,
    'vue.d.ts': vue,
  };
}

/** @param {import('./element.mjs').Attribute[]} attributes */
function index(attributes) {
  const valuesOf = (wanted) => {
    const { values = [] } = attributes.find(({ name }) => name === wanted) ?? {};
    return values.map((value) => `'${value}'`).join(' | ');
  };
  const properties = attributes.map(
    ({ property, type, optional, meaning }) =>
      `  ${comment(meaning)}\n  ${property}: ${optional ? `${type} | undefined` : type};`,
  );
  const settings = attributes.flatMap(({ setting, type, flag, meaning }) =>
    setting ? [`  ${comment(meaning)}\n  ${setting}?: ${flag ? 'boolean' : type};`] : [],
  );
  const inMarkup = attributes.map(({ name, type, flag, meaning }) => {
    const accepted =
      type === 'number' ? 'number | string' : type === 'FigureConfig' ? `${type} | string` : type;
    return `  ${comment(meaning)}\n  '${name}'?: ${flag ? "boolean | ''" : accepted} | undefined;`;
  });
  return `// Written by the build, of web/lib/attributes.json and scripts/build-web.d/element.mjs.
import type { BackendName } from './lib/backend.js';
import type { Config, SchedulerConfig, TrainingConfig, UNetConfig } from './lib/config.js';
import type { LabErrorCode } from './lib/errors.js';
import type { Frame, SampleOptions } from './worker/protocol.js';
import type { Lab } from './lab.js';

export { Lab, LabError, setBasePath } from './lab.js';
export type { BackendName, Config, Frame, LabErrorCode, SampleOptions };

export type Mode = ${valuesOf('mode')};
export type Theme = ${valuesOf('theme')};
export type Dataset = ${valuesOf('dataset')};
export type Sampler = ${valuesOf('sampler')};

/**
 * \`idle\` before it has come near the screen; \`waiting\` for the engine, which another figure of the
 * page has; \`resting\` after another figure took it: what is here stays, and goes on when it is used.
 */
export type FigureState =
  | 'idle'
  | 'waiting'
  | 'starting'
  | 'ready'
  | 'training'
  | 'sampling'
  | 'resting'
  | 'failed';

/** The settings in force. */
export interface FigureSettings {
  mode: Mode;
  /** The bundled set, or null for other images. */
  dataset: Dataset | null;
  size: number;
  backend: BackendName;
  sampler: Sampler;
  steps: number;
  seed: number;
}

export interface TrainingProgress {
  step: number;
  /** The step at which training stops; 0 before its first start. */
  target: number;
  loss: number | undefined;
  /** Steps a second. */
  rate: number;
  /** Seconds that are left. */
  eta: number | undefined;
}

type Own<T> = { [K in keyof T as string extends K ? never : K]?: T[K] };

/** Settings of the model in diffusers' words, nested or flat. */
export interface ModelSettings
  extends Own<SchedulerConfig>,
    Omit<Own<TrainingConfig>, keyof SchedulerConfig> {
  unet?: Own<UNetConfig>;
  scheduler?: Own<SchedulerConfig>;
  training?: Own<TrainingConfig>;
  [name: \`unet.\${string}\`]: unknown;
  [name: \`scheduler.\${string}\`]: unknown;
  [name: \`training.\${string}\`]: unknown;
}

/** What the attribute and property \`config\` takes: settings by their names in links. */
export interface FigureConfig extends ModelSettings {
${settings.join('\n')}
}

/** The attributes in markup, for frameworks that check them. */
export interface UnnoiseLabAttributes {
${inMarkup.join('\n')}
}

export interface UnnoiseLabEventMap {
${EVENTS.map(({ name, detail, meaning }) => `  ${comment(meaning)}\n  '${name}': CustomEvent<${detail}>;`).join('\n')}
}

/** ${SUMMARY} */
export class UnnoiseLab extends HTMLElement {
${properties.join('\n')}
${PROPERTIES.map(({ name, type, meaning }) => `  ${comment(meaning)}\n  readonly ${name}: ${type};`).join('\n')}
${METHODS.map(({ name, meaning }) => `  ${comment(meaning)}\n  ${name}(): Promise<void>;`).join('\n')}
  addEventListener<K extends keyof UnnoiseLabEventMap>(
    type: K,
    listener: (this: UnnoiseLab, event: UnnoiseLabEventMap[K]) => void,
    options?: boolean | AddEventListenerOptions,
  ): void;
  addEventListener<K extends keyof HTMLElementEventMap>(
    type: K,
    listener: (this: UnnoiseLab, event: HTMLElementEventMap[K]) => void,
    options?: boolean | AddEventListenerOptions,
  ): void;
  addEventListener(
    type: string,
    listener: EventListenerOrEventListenerObject,
    options?: boolean | AddEventListenerOptions,
  ): void;
  removeEventListener<K extends keyof UnnoiseLabEventMap>(
    type: K,
    listener: (this: UnnoiseLab, event: UnnoiseLabEventMap[K]) => void,
    options?: boolean | EventListenerOptions,
  ): void;
  removeEventListener<K extends keyof HTMLElementEventMap>(
    type: K,
    listener: (this: UnnoiseLab, event: HTMLElementEventMap[K]) => void,
    options?: boolean | EventListenerOptions,
  ): void;
  removeEventListener(
    type: string,
    listener: EventListenerOrEventListenerObject,
    options?: boolean | EventListenerOptions,
  ): void;
}

/** Listeners in JSX, named as React names those of custom events. */
export type UnnoiseLabListeners = {
  [K in keyof UnnoiseLabEventMap as \`on\${K}\`]?: (event: UnnoiseLabEventMap[K]) => void;
};

declare global {
  interface HTMLElementTagNameMap {
    'unnoise-lab': UnnoiseLab;
  }
  // They bubble.
  interface DocumentEventMap extends UnnoiseLabEventMap {}
}
`;
}

const head = `// Written by the build: the tag in JSX. \`import 'unnoise/NAME'\` in place of 'unnoise'.
export * from './index.js';
`;

const imports = `import type {
  UnnoiseLab,
  UnnoiseLabAttributes,
  UnnoiseLabEventMap,
  UnnoiseLabListeners,
} from './index.js';
`;

const react = `${head.replace('NAME', 'react')}import type { DetailedHTMLProps, HTMLAttributes } from 'react';
${imports.replace('  UnnoiseLabEventMap,\n', '')}
type Props = Omit<
  DetailedHTMLProps<HTMLAttributes<UnnoiseLab>, UnnoiseLab>,
  keyof UnnoiseLabAttributes
> &
  UnnoiseLabAttributes &
  UnnoiseLabListeners;

declare module 'react' {
  namespace JSX {
    interface IntrinsicElements {
      'unnoise-lab': Props;
    }
  }
}
`;

const solid = `${head.replace('NAME', 'solid')}import type { JSX } from 'solid-js';
${imports.replace('  UnnoiseLabListeners,\n', '')}
type Props = Omit<JSX.HTMLAttributes<UnnoiseLab>, keyof UnnoiseLabAttributes> &
  UnnoiseLabAttributes & {
    [K in keyof UnnoiseLabEventMap as \`on:\${K}\`]?: (event: UnnoiseLabEventMap[K]) => void;
  };

declare module 'solid-js' {
  namespace JSX {
    interface IntrinsicElements {
      'unnoise-lab': Props;
    }
  }
}
`;

const vue = `// Written by the build: the tag in Vue's templates. \`import 'unnoise/vue'\` in place of 'unnoise'.
export * from './index.js';
import type { DefineComponent } from 'vue';
${imports.replace('  UnnoiseLabListeners,\n', '').replace('  UnnoiseLab,\n', '')}
type Listeners = {
  [K in keyof UnnoiseLabEventMap as K extends \`unnoise-\${infer Name}\`
    ? \`onUnnoise\${Capitalize<Name>}\`
    : never]?: (event: UnnoiseLabEventMap[K]) => void;
};

declare module 'vue' {
  interface GlobalComponents {
    'unnoise-lab': DefineComponent<UnnoiseLabAttributes & Listeners>;
  }
}
`;
