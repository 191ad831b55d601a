#!/usr/bin/env node
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

// A source checkout runs its TypeScript as it is; the package runs what was built. What reads the TypeScript of a project
// is loaded with the project (project-files.ts): it would slow down every other command.
const source = new URL('./main.ts', import.meta.url);
const inCheckout = existsSync(fileURLToPath(source));
if (inCheckout) (await import('tsx/esm/api')).register();
const { main } = await import(
  inCheckout ? source.href : new URL('../../dist/client/cli/main.js', import.meta.url).href
);
process.exitCode = await main(process.argv);
