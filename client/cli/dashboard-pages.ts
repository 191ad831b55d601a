import { createHash } from 'node:crypto';
import { existsSync, realpathSync } from 'node:fs';
import { readdir, readFile, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { cacheFolder } from '../../worker/setup/cache-folder.mjs';
import { packageFile } from '../../activities/sdk/jobs/package-file.js';

/** The folder of the dashboard's pages: as the package ships them, or built from their sources where those are at hand. */
export async function dashboardPages(): Promise<string> {
  try {
    return dirname(packageFile('dashboard/index.html'));
  } catch {
    return build(dirname(realpathSync(packageFile('client/dashboard/page/index.html'))));
  }
}

/** Kept by the digest of the sources; two that build at once do not harm each other. */
async function build(root: string): Promise<string> {
  const folder = join(cacheFolder(), 'dashboard', await digestOf(root));
  if (existsSync(folder)) return folder;
  const own = `${folder}.${process.pid}`;
  const vite = await import('vite');
  await vite.build({ root, configFile: join(root, 'vite.config.ts'), logLevel: 'warn', build: { outDir: own } });
  await rename(own, folder).catch(() => rm(own, { recursive: true }));
  return folder;
}

async function digestOf(root: string): Promise<string> {
  const hash = createHash('sha256');
  const shared = ['../shapes.ts', '../view-change.ts'];
  const files = (await readdir(root, { recursive: true })).filter((file) => /\.\w+$/.test(file)).sort();
  for (const file of [...files, ...shared]) hash.update(file).update(await readFile(join(root, file)));
  return hash.digest('hex').slice(0, 16);
}
