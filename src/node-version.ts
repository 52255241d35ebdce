/**
 * Imported before everything else: an older Node would only stop at the first thing it lacks, which tells nobody what to do.
 */

/** As in package.json's engines. */
const neededVersion = '22.17';

/** @returns what to say of this version of Node, or undefined when it is new enough */
export function complaintAbout(version: string): string | undefined {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const [majorMin = 0, minorMin = 0] = neededVersion.split('.').map(Number);
  if (major > majorMin || (major === majorMin && minor >= minorMin)) return undefined;
  return (
    `Croupier does not start: it needs Node ${neededVersion} or newer, and this is ${version}. ` +
    'npm ci brought one along: use npm start and npm run …, or node_modules/.bin/node in place of node.'
  );
}

const complaint = complaintAbout(process.versions.node);
if (complaint !== undefined) {
  process.stderr.write(`${complaint}\n`);
  process.exit(1);
}
