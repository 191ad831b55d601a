#!/usr/bin/env node
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

// A source checkout runs its TypeScript as it is; the package runs what was built. Both load a project's .ts files.
const source = new URL('./main.ts', import.meta.url);
const inCheckout = existsSync(fileURLToPath(source));
const plain = process.argv.length <= 2 || process.argv.includes('--help') || process.argv.includes('--version');
if (inCheckout || !plain) (await import('tsx/esm/api')).register();
const { main } = await import(
  inCheckout ? source.href : new URL('../../dist/client/cli/main.js', import.meta.url).href
);
process.exitCode = await main(process.argv);
