import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

interface Package {
  readonly dependencies: Record<string, string>;
  readonly devDependencies: Record<string, string>;
  readonly peerDependencies: Record<string, string>;
}

const read = (path: string) => JSON.parse(readFileSync(path, 'utf8')) as Package;
const { evertrain: _evertrain, ...dependencies } = read('examples/quickstart/package.json').dependencies;
const { devDependencies } = read('examples/quickstart/package.json');
const own = read('package.json');

describe('the project that init writes', () => {
  it('names the versions that this checkout is tested with', () => {
    expect({ ...own.dependencies, ...own.devDependencies }).toMatchObject({ ...dependencies, ...devDependencies });
  });

  it("brings the SDK's downloader, without which a machine that has no Go gets no engine", () => {
    expect(devDependencies).toHaveProperty(['@temporalio/testing'], own.peerDependencies['@temporalio/testing']);
    const setUp = readFileSync('worker/setup/temporal.mjs', 'utf8');
    expect(setUp).toContain(`const sdkVersion = '${own.peerDependencies['@temporalio/testing']}'`);
  });
});
