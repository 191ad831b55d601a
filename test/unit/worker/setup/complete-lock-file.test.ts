import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { missingEntries } from '../../../../worker/setup/complete-lock-file.mjs';

describe('missingEntries', () => {
  test('names each optional dependency without an entry, with its version and platform', () => {
    const packages = {
      '': {},
      'node_modules/tool': {
        dev: true,
        optionalDependencies: {
          '@tool/linux-arm64-musl': '1.2.3',
          '@tool/linux-x64': '1.2.3',
          '@tool/win32-x64': '1.2.3',
        },
      },
      'node_modules/@tool/linux-x64': { version: '1.2.3' },
    };
    expect(missingEntries({ packages })).toEqual({
      'node_modules/@tool/linux-arm64-musl': {
        version: '1.2.3',
        cpu: ['arm64'],
        libc: ['musl'],
        os: ['linux'],
        dev: true,
        optional: true,
      },
      'node_modules/@tool/win32-x64': { version: '1.2.3', cpu: ['x64'], os: ['win32'], dev: true, optional: true },
    });
  });

  test('finds an entry in the node_modules of the package itself and of those above it', () => {
    const packages = {
      'node_modules/a/node_modules/b': { optionalDependencies: { one: '1.0.0', two: '1.0.0', three: '1.0.0' } },
      'node_modules/a/node_modules/b/node_modules/one': {},
      'node_modules/a/node_modules/two': {},
      'node_modules/three': {},
    };
    expect(missingEntries({ packages })).toEqual({});
  });

  test('refuses to guess a version or a platform', () => {
    const wanting = (name: string, version: string) => ({
      packages: { 'node_modules/tool': { optionalDependencies: { [name]: version } } },
    });
    expect(() => missingEntries(wanting('@tool/linux-x64', '^1.0.0'))).toThrow('exact versions');
    expect(() => missingEntries(wanting('fsevents', '2.3.3'))).toThrow('does not say its platform');
  });
});

test('package-lock.json lets `npm ci` work on all platforms', () => {
  const lockFile = JSON.parse(readFileSync(new URL('../../../../package-lock.json', import.meta.url), 'utf8'));
  expect(Object.keys(missingEntries(lockFile))).toEqual([]);
});
