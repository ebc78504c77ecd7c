// @ts-check
/**
 * Reports the surface of each door of the package, as it was built: `api/<door>.api.md`.
 * `npm run api` writes the reports; with `--check` a report that has changed is an error.
 */
import { Extractor, ExtractorConfig } from '@microsoft/api-extractor';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const check = process.argv.includes('--check');
const { exports: doors } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
mkdirSync(join(root, 'api'), { recursive: true });

let changed = 0;
for (const [door, { types }] of Object.entries(doors)) {
  if (types === undefined) continue;
  const name = door === '.' ? 'rxmilter' : door.slice(2);
  const config = ExtractorConfig.prepare({
    configObject: {
      projectFolder: root,
      mainEntryPointFilePath: join(root, types),
      compiler: { tsconfigFilePath: join(root, 'tsconfig.json') },
      apiReport: {
        enabled: true,
        reportFileName: `${name}.api.md`,
        reportFolder: join(root, 'api'),
        reportTempFolder: join(root, 'node_modules/.cache/api'),
      },
      docModel: { enabled: false },
      dtsRollup: { enabled: false },
      tsdocMetadata: { enabled: false },
      newlineKind: 'lf',
      messages: {
        extractorMessageReporting: {
          default: { logLevel: /** @type {any} */ ('none') },
        },
        tsdocMessageReporting: { default: { logLevel: /** @type {any} */ ('none') } },
        compilerMessageReporting: { default: { logLevel: /** @type {any} */ ('error') } },
      },
    },
    configObjectFullPath: undefined,
    packageJsonFullPath: join(root, 'package.json'),
  });
  const { apiReportChanged, errorCount } = Extractor.invoke(config, {
    localBuild: !check,
    showVerboseMessages: false,
    messageCallback: (message) => {
      message.handled = message.logLevel !== 'error';
    },
  });
  if (errorCount > 0) process.exitCode = 1;
  if (apiReportChanged) {
    changed++;
    process.stdout.write(`api/${name}.api.md ${check ? 'is out of date' : 'written'}\n`);
  }
}
if (check && changed > 0) {
  process.stderr.write(
    'The surface of the package has changed: look at it with `npm run api`, and commit the reports.\n',
  );
  process.exitCode = 1;
}
