import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { gatherProvenance } from '../../../client/provenance.js';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'evertrain-provenance-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

function git(...args: string[]): string {
  const identity = ['-c', 'user.name=t', '-c', 'user.email=t@example.org', '-c', 'commit.gpgsign=false'];
  return execFileSync('git', [...identity, ...args], { cwd: folder, encoding: 'utf8', stdio: 'pipe' }).trim();
}

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');

test('outside of a checkout it records the platform, lock files and pinned packages', async () => {
  await writeFile(join(folder, 'package-lock.json'), '{}');
  await mkdir(join(folder, 'python'));
  const requirements =
    '# pinned\nScikit-Learn[all]==1.7.0 ; python_version > "3.9"\nnumpy == 2.1.0 \\\n  --hash=sha256:x\nloose>=1\n';
  await writeFile(join(folder, 'python', 'requirements.txt'), requirements);
  const provenance = await gatherProvenance(folder);
  expect(provenance).toEqual({
    lockFiles: { 'package-lock.json': sha256('{}'), 'python/requirements.txt': sha256(requirements) },
    node: process.version,
    platform: `${process.platform}-${process.arch}`,
    pythonPackages: { 'scikit-learn': '1.7.0', numpy: '2.1.0' },
    evertrain: expect.stringMatching(/^\d+\.\d+\.\d+/),
  });
});

test('in a checkout it records the commit, and what differs from it', async () => {
  git('init', '-q');
  await writeFile(join(folder, 'a.txt'), 'one\n');
  git('add', '.');
  git('commit', '-q', '-m', 'first');
  const clean = await gatherProvenance(folder);
  expect(clean.commit).toBe(git('rev-parse', 'HEAD'));
  expect(clean).not.toHaveProperty('dirtyDiffSha256');

  await writeFile(join(folder, 'a.txt'), 'two\n');
  const dirty = await gatherProvenance(folder);
  expect(dirty.dirtyDiff).toContain('+two');
  expect(dirty.dirtyDiffSha256).toBe(sha256(dirty.dirtyDiff ?? ''));

  await writeFile(join(folder, 'a.txt'), 'x'.repeat(100_000));
  const large = await gatherProvenance(folder);
  expect(large.dirtyDiffSha256).toMatch(/^[0-9a-f]{64}$/);
  expect(large).not.toHaveProperty('dirtyDiff');
});

test('in a checkout without a commit it records none', async () => {
  git('init', '-q');
  expect(await gatherProvenance(folder)).not.toHaveProperty('commit');
});
