import { LabError } from './lib/errors.js';

/**
 * The package on a server, where there is no custom element to define: the same names, so that a
 * page that imports them can be rendered there.
 */
export { Lab, LabError, setBasePath } from './lab.js';

/** The tag is all that a server needs: the browser makes it an element. */
export class UnnoiseLab {
  constructor() {
    throw new LabError('internal', 'The element <unnoise-lab> exists only in a browser.');
  }
}
