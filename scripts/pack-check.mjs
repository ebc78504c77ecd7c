// @ts-check
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { CONSUMERS, consumerFiles } from './pack-consumer.mjs';
import { checkContents, entryPoints } from './pack-contents.mjs';

const root = join(import.meta.dirname, '..');
const bin = join(root, 'node_modules', '.bin');
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const temp = realpathSync(mkdtempSync(join(tmpdir(), 'pack-check-')));
process.on('exit', () => rmSync(temp, { recursive: true, force: true }));
for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM'])) process.on(signal, () => process.exit(1));

// In the repository, Node and TypeScript would find what the package forgot to bring.
if (temp.startsWith(realpathSync(root)))
  stop('the directory for temporary files is inside the repository: set TMPDIR');
const scratch = join(temp, 'consumer');
mkdirSync(scratch);

step('build', () => run('npm', ['run', 'build'], root));

/** @type {{ filename: string, files: { path: string }[] }} */
const packed = step('pack', () => {
  // The build is done; what else npm does before it packs is none of the package's business.
  const output = run('npm', ['pack', '--ignore-scripts', '--json', '--pack-destination', temp], root);
  return JSON.parse(output)[0];
});
const tarball = join(temp, packed.filename);

step('everything that is promised is in it', () => {
  const problems = checkContents(
    root,
    manifest,
    packed.files.map(({ path }) => path),
  );
  if (problems.length > 0) stop(problems.join('\n'));
});

step('publint', () => run(join(bin, 'publint'), ['run', tarball, '--strict'], root));
step('are the types wrong', () =>
  run(
    join(bin, 'attw'),
    [tarball, '--profile', 'esm-only', '--no-definitely-typed', '--no-color', '--no-emoji'],
    root,
  ),
);

const lowest = manifest.peerDependencies.rxjs.replace(/^\D*/, '');
const newest = manifest.devDependencies.rxjs;
step('install', () => {
  const consumer = { name: 'consumer', version: '0.0.0', private: true, type: 'module' };
  write('package.json', JSON.stringify(consumer));
  for (const [name, text] of Object.entries(consumerFiles(manifest))) write(name, text);
  const types = `@types/node@${manifest.devDependencies['@types/node']}`;
  install(tarball, `rxjs@${newest}`, types);
});

step('there is one copy of rxjs', () => {
  const copies = JSON.parse(run('npm', ['query', '#rxjs'], scratch));
  if (copies.length !== 1) stop(`there are ${copies.length} copies of rxjs in the tree`);
});

for (const { name, options } of CONSUMERS) {
  step(`compile with moduleResolution ${name}`, () => {
    write('tsconfig.json', JSON.stringify(options));
    run(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', '.'], scratch);
  });
}

step('an older Node is told that it is too old', () => {
  for (const name of entryPoints(manifest).modules.filter((one) => !one.endsWith('.json'))) {
    // As Debian's Node 18 would say of itself, before anything is loaded.
    const old = "data:text/javascript,Object.defineProperty(process.versions,'node',{value:'18.20.4'})";
    const args = [
      '--import',
      old,
      '--input-type=module',
      '--eval',
      `import '${name}'; console.log('all is well')`,
    ];
    const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd: scratch, encoding: 'utf8' });
    const told = /Error: rxmilter needs Node 20\.19 or newer, and this is Node 18\.20\.4\./.test(stderr);
    if (status !== 1 || stdout !== '' || !told) stop(`${name}: status ${status}\n${stdout}${stderr}`);
  }
});

use(newest);
if (lowest !== newest) {
  step(`install rxjs ${lowest}, the lowest that is supported`, () => install(`rxjs@${lowest}`));
  use(lowest);
}
console.log(`The package is sound: ${packed.filename}, ${packed.files.length} files.`);

/** @param {string} rxjs */
function use(rxjs) {
  step(`import, with rxjs ${rxjs}`, () => run(process.execPath, ['use.mjs'], scratch));
  step(`node --test, with rxjs ${rxjs}`, () => run(process.execPath, ['--test'], scratch));
  step(`require, with rxjs ${rxjs}`, () => run(process.execPath, ['use.cjs'], scratch));
  for (const name of Object.keys(entryPoints(manifest).bin)) {
    step(`${name} --help`, () => run(join(scratch, 'node_modules', '.bin', name), ['--help'], scratch));
  }
  step(`serve, send and replay, with rxjs ${rxjs}`, () => run(process.execPath, ['cli.mjs'], scratch));
}

/** @param {...string} packages */
function install(...packages) {
  run('npm', ['install', '--no-package-lock', '--no-audit', '--no-fund', ...packages], scratch);
}

/** @param {string} name @param {string} text */
function write(name, text) {
  writeFileSync(join(scratch, name), text);
}

/**
 * @template T
 * @param {string} name
 * @param {() => T} work
 * @returns {T}
 */
function step(name, work) {
  const start = performance.now();
  process.stdout.write(`pack:check ${name} ... `);
  const result = work();
  console.log(`ok (${((performance.now() - start) / 1000).toFixed(1)} s)`);
  return result;
}

/**
 * Runs a program to its end and returns what it printed; ends this one when it fails.
 * @param {string} command @param {string[]} args @param {string} cwd
 */
function run(command, args, cwd) {
  const { status, signal, stdout, stderr, error } = spawnSync(command, args, {
    cwd,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: 180_000,
  });
  if (status === 0) return stdout;
  const how = error?.message ?? (signal === null ? `exit status ${status}` : `signal ${signal}`);
  return stop(`${command} ${args.join(' ')}: ${how}\n${stdout}${stderr}`);
}

/** @param {string} why @returns {never} */
function stop(why) {
  console.log('FAILED');
  console.error(why);
  process.exit(1);
}
