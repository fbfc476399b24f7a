/** Of what is kept for use offline; written by scripts/build-web.d/offline.mjs. */
declare const BUILD: {
  /** A hash of all of it. */
  version: string;
  /** The hash of the lab's own page. */
  page: string;
  /** Hashes by names in the package, in the form that `integrity` takes. */
  files: Record<string, string>;
  /** Names of those that are kept only once they are used. */
  later: string[];
};
