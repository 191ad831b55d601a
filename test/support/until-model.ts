import { expect } from 'vitest';
import type { Model } from '../../client/model-handle.js';
import type { PipelineDefinition } from '../../workflows/sdk/definitions.js';
import type { ModelState } from '../../workflows/sdk/model/model-state.js';

/** A model's state once a condition holds of it; the failure shows the last one, its newest two versions only. */
export async function untilModel<P extends PipelineDefinition>(
  model: Model<P>,
  holds: (now: ModelState) => boolean,
): Promise<ModelState> {
  const state = () => model.state({ within: '30s' });
  let now = await state();
  const shown = () => JSON.stringify({ ...now, versions: now.versions.slice(-2) });
  await expect.poll(async () => holds((now = await state())) || shown(), { timeout: 60_000, interval: 50 }).toBe(true);
  return now;
}
