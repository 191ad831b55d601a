import { createHash } from 'node:crypto';
import type { StepContext } from '../../activities/sdk/context.js';
import { implement } from '../../activities/sdk/implement.js';
import { activities as searchActivities } from '../search/activities.js';
import { shaky, shakyOnce } from './contracts.js';

const faultShare = 0.1;

/** Which attempts fail is the same in every run of the benchmark. */
function perhaps({ of }: { readonly of: number }, { step, attempt }: StepContext): void {
  const digest = createHash('sha256')
    .update(`${of}/${step.id.replace('-once', '')}/${attempt}`)
    .digest();
  if (digest.readUInt32BE() / 2 ** 32 < faultShare) throw new Error('fails on purpose, and may go well next time');
}

export const activities = [...searchActivities, implement(shaky, perhaps), implement(shakyOnce, perhaps)];
