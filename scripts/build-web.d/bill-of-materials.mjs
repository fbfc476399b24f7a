// The bill of materials of the package (SBOM), as CycloneDX has it: what is in the package but not ours,
// with where it is from, its licence and its hash. It has no time and no serial number, so that the same
// sources give the same file.
import { execFileSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';

/**
 * @param {import('./parts.mjs').Part[]} parts
 * @param {{ name: string, version: string, description: string, license: string }} description of
 *   the package
 */
export async function billOfMaterials(parts, { name, version, description, license }) {
  const own = { type: 'library', name, version, description, licenses: licences(license) };
  const components = parts.map(component);
  return {
    $schema: 'http://cyclonedx.org/schema/bom-1.6.schema.json',
    bomFormat: 'CycloneDX',
    specVersion: '1.6',
    version: 1,
    metadata: {
      tools: { components: await tools() },
      component: { ...own, 'bom-ref': address('npm', name, version) },
    },
    components,
    dependencies: [
      {
        ref: address('npm', name, version),
        dependsOn: components.map((one) => one['bom-ref']),
      },
    ],
  };
}

/** With which the wasm files were made. */
async function tools() {
  const { version: binaryen } = JSON.parse(
    await readFile('node_modules/binaryen/package.json', 'utf8'),
  );
  const rustc = execFileSync('rustc', ['--version']).toString();
  const versions = { rustc: rustc.split(' ')[1], binaryen };
  return Object.entries(versions).map(([name, version]) => ({
    type: 'application',
    name,
    version,
  }));
}

/** @param {import('./parts.mjs').Part} part */
function component({ registry, name, version, licence, hash }) {
  const purl = address(registry, name, version);
  return {
    type: 'library',
    'bom-ref': purl,
    name,
    version,
    purl,
    hashes: hash && [hash],
    licenses: licence && licences(licence),
  };
}

/** A package URL; a scope has an at sign. */
const address = (registry, name, version) =>
  `pkg:${registry}/${name.replace('@', '%40')}@${encodeURIComponent(version)}`;

const licences = (expression) => [{ expression }];
