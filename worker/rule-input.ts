import type { Publication, RuleInput, RuleQuestion } from '../workflows/sdk/assets/messages.js';
import type { AssetDefinition } from '../workflows/sdk/assets/asset.js';
import type { AssetRule, Published } from '../workflows/sdk/assets/on-assets.js';
import { isEvertrainError } from '../workflows/sdk/errors.js';
import { checkInput } from '../workflows/sdk/json-size.js';
import { type Batch, checkBatch } from '../workflows/sdk/model/batch.js';
import { decode } from '../workflows/sdk/schema.js';

/**
 * What a run is to be started with, by the code of today; or why it cannot be. A rule that this worker does not declare
 * is tried again: another worker may, or a later one.
 */
export function ruleInput(rules: readonly AssetRule[], question: RuleQuestion): RuleInput {
  const { rule: name, partition, publications } = question;
  const rule = rules.find((one) => one.name === name);
  if (rule === undefined) throw new Error(`This worker declares no rule "${name}".`);
  const { toInput, pipeline, model, assets } = rule;
  const what = model === undefined ? 'toInput' : 'toBatch';
  try {
    const newest = assets.map((asset) => publishedOf(asset, publications));
    const input = toInput?.(newest as never, { partition });
    checkInput(pipeline.name, input);
    if (model === undefined) {
      decode(pipeline.input, input, 'USER_INPUT_INVALID', `the input of pipeline "${pipeline.name}"`);
    } else checkBatch(model.name, model.data?.event, { ...(input as Omit<Batch, 'id'>), id: name });
    return input === undefined ? {} : { input };
  } catch (error) {
    return { refused: isEvertrainError(error) ? error.message : `${what} threw: ${String(error)}` };
  }
}

function publishedOf(asset: AssetDefinition, publications: RuleQuestion['publications']) {
  const found = publications.find((one) => one?.asset === asset.name);
  if (!found) return undefined;
  const { output, at, partition, planned, by }: Publication = found;
  decode(asset.output, output, 'USER_INPUT_INVALID', `what was published of asset "${asset.name}"`);
  const { workflowId, runId, stepId } = by;
  return {
    output: output as never,
    at: new Date(at),
    partition,
    ...(planned?.date === undefined ? {} : { logicalDate: new Date(planned.date) }),
    workflowId,
    runId,
    stepId,
  } satisfies Published;
}
