import { chmod, mkdtemp, writeFile } from 'node:fs/promises';
import { totalmem, tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { cachedRuns, findMachine } from '../../../../worker/resources/machine.js';

afterEach(() => vi.unstubAllEnvs());

describe('what a worker has', () => {
  it('is what the process may use', async () => {
    const { cpu, memoryBytes, gpus } = await findMachine({}, false);
    expect(cpu).toBeGreaterThan(0);
    expect(memoryBytes).toBeGreaterThan(2 ** 20);
    expect(memoryBytes).toBeLessThanOrEqual(totalmem());
    expect(gpus).toEqual([]);
  });

  it('has the GPUs of nvidia-smi, or those of them that CUDA_VISIBLE_DEVICES names', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'evertrain-machine-'));
    const lines = [
      'GPU 0: NVIDIA H100 (UUID: GPU-a)',
      '  MIG 1g.10gb Device 0: (UUID: MIG-a)',
      'GPU 1: NVIDIA H100 (UUID: GPU-b)',
    ];
    await writeFile(join(folder, 'nvidia-smi'), `#!/bin/sh\nprintf '${lines.join('\\n')}\\n'\n`);
    await chmod(join(folder, 'nvidia-smi'), 0o755);
    vi.stubEnv('PATH', `${folder}${delimiter}${process.env['PATH']}`);
    vi.stubEnv('CUDA_VISIBLE_DEVICES', undefined);
    expect((await findMachine({}, true)).gpus).toEqual(['0', '1']);
    vi.stubEnv('CUDA_VISIBLE_DEVICES', '1, MIG-a');
    expect((await findMachine({}, true)).gpus).toEqual(['1', 'MIG-a']);
    vi.stubEnv('CUDA_VISIBLE_DEVICES', '');
    expect((await findMachine({}, true)).gpus).toEqual([]);
  });

  it('leaves room for runs: 300, fewer where memory is short', () => {
    const of = (gib: number) => cachedRuns({ cpu: 1, memoryBytes: gib * 2 ** 30, gpus: [] });
    expect([64, 1, 0.5, 0.01].map(of)).toEqual([300, 256, 128, 10]);
  });

  it('is what was declared', async () => {
    vi.stubEnv('CUDA_VISIBLE_DEVICES', undefined);
    const declared = { cpu: 8, memory: '32Gi', gpu: 2 };
    expect(await findMachine(declared, true)).toEqual({ cpu: 8, memoryBytes: 32 * 2 ** 30, gpus: ['0', '1'] });
    vi.stubEnv('CUDA_VISIBLE_DEVICES', '4,5,6');
    expect((await findMachine(declared, true)).gpus).toEqual(['4', '5']);
    await expect(findMachine({ gpu: 4 }, true)).rejects.toMatchObject({ code: 'USER_OPTION_INVALID' });
  });
});
