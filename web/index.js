/** The package: the element (defined on import) and the lab without a user interface. */
export { UnnoiseLab } from './element/unnoise-lab.js';
export { Lab, LabError, setBasePath } from './lab.js';
