import { afterEach, expect, test, vi } from 'vitest';
import { warmUp } from '../../../../client/cli/warm-up.js';
import { workerLog } from '../../../../worker/log.js';
import { step } from '../../../../workflows/sdk/index.js';

afterEach(() => vi.restoreAllMocks());

test('warming up starts each implementation that can be, and logs what fails', async () => {
  const warn = vi.spyOn(workerLog, 'warn').mockImplementation(() => undefined);
  const warmed: string[] = [];
  const base = { run: async () => undefined, fingerprint: async () => '' };
  warmUp([
    { ...base, step: step('cold') },
    { ...base, step: step('broken'), warm: async () => Promise.reject(new Error('no Python')) },
    { ...base, step: step('warm'), warm: async () => void warmed.push('warm') },
  ]);
  await vi.waitFor(() => expect(warn).toHaveBeenCalledWith('step "broken" is not warmed up: no Python'));
  expect(warmed).toEqual(['warm']);
});
