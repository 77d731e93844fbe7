// Installs what package-lock.json pins, once, and prints the folder that provider.mjs runs in.
//
//     node install.mjs CACHE
//
// The folder is named after the content of these files, and gets its name when it is complete: several
// processes may do this at a time, and an interrupted one leaves nothing half-made behind.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';

const here = import.meta.dirname;
const cache = process.argv[2];
const files = ['package.json', 'package-lock.json', 'provider.mjs'];
const hash = createHash('sha256');
for (const file of files) hash.update(readFileSync(join(here, file)));
const folder = join(cache, `oidc-${hash.digest('hex').slice(0, 12)}`);

if (!existsSync(folder)) {
  mkdirSync(cache, { recursive: true });
  const draft = mkdtempSync(join(cache, 'oidc-draft-'));
  try {
    for (const file of files) copyFileSync(join(here, file), join(draft, file));
    // Nothing in these packages needs a script of its own to be installed.
    const options = ['--ignore-scripts', '--no-audit', '--no-fund', '--silent'];
    execFileSync('npm', ['ci', ...options], { cwd: draft, stdio: ['ignore', 2, 2] });
    renameSync(draft, folder);
  } catch (error) {
    rmSync(draft, { recursive: true, force: true });
    // Another process was quicker: its folder is as good.
    if (!existsSync(folder)) {
      console.error(`npm ci failed: ${error.message}`);
      process.exit(1);
    }
  }
}
console.log(folder);
