/**
 * Trusted Types: under `require-trusted-types-for 'script'` a browser takes the address of a worker,
 * or of a service worker, only from a policy that the page's Content-Security-Policy names. Ours is
 * called `unnoise` and is used for the package's own scripts alone.
 *
 * @typedef {{ createScriptURL: (address: string) => string }} Policy
 * @typedef {{ createPolicy: (name: string, rules: Policy) => Policy }} TrustedTypes
 */

/** @type {Policy | undefined} */
let policy;
let tried = false;

/**
 * The address as a browser with Trusted Types takes it.
 * @param {string | URL} address of a script of the package
 * @returns {string | URL}
 */
export function trustedScript(address) {
  if (!tried) policy = makePolicy();
  tried = true;
  return policy ? policy.createScriptURL(String(address)) : address;
}

function makePolicy() {
  const { trustedTypes } = /** @type {{ trustedTypes?: TrustedTypes }} */ (
    /** @type {unknown} */ (globalThis)
  );
  try {
    return trustedTypes?.createPolicy('unnoise', { createScriptURL: (address) => address });
  } catch {
    // The page names no such policy. Without `require-trusted-types-for` none is needed.
    return undefined;
  }
}
