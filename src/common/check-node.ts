/** The oldest version of Node that the package runs on, as in `engines` of its `package.json`. */
const OLDEST = { major: 20, minor: 19 } as const;

/**
 * Says what to do where a version of Node is too old; nothing where it is new enough.
 *
 * @param version as in `process.versions.node`
 */
export function unsupportedNode(version: string): string | undefined {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  if (major > OLDEST.major || (major === OLDEST.major && minor >= OLDEST.minor)) return undefined;
  return (
    `rxmilter needs Node ${OLDEST.major}.${OLDEST.minor} or newer, and this is Node ${version}. ` +
    'Install a newer one (https://nodejs.org/en/download), and start the program with that.'
  );
}

// The entry points load this file first, for its effect: an older Node, such as that of Debian 12, would fail later and
// not say why.
const problem = unsupportedNode(process.versions.node);
if (problem !== undefined) throw new Error(problem);
