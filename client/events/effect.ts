import type { PipelineDefinition } from '../../workflows/sdk/definitions.js';
import { EvertrainError, isEvertrainError, show } from '../../workflows/sdk/errors.js';
import type { EventRule } from '../../workflows/sdk/events/on.js';
import type { SourceEvent } from '../../workflows/sdk/events/source.js';
import { type Batch, checkBatch } from '../../workflows/sdk/model/batch.js';
import type { ModelDefinition } from '../../workflows/sdk/model/model.js';
import { decode } from '../../workflows/sdk/schema.js';
import { checkValue } from '../check-value.js';

/** What an event leads to, checked: it has not happened yet. Its id makes that it happens once. */
export type Effect =
  | { readonly kind: 'batch'; readonly id: string; readonly model: ModelDefinition; readonly batch: Batch }
  | { readonly kind: 'run'; readonly id: string; readonly pipeline: PipelineDefinition; readonly input: unknown }
  | {
      readonly kind: 'signal';
      readonly id: string;
      readonly run: string;
      readonly signal: string;
      readonly payload: unknown;
    };

/** An error of the family USER_ says why the event can have no effect, now or later. */
export function effectOf(rule: EventRule, told: SourceEvent): Effect {
  const { source, target, name } = rule;
  const owner = `event rule "${name}"`;
  const schema = 'schema' in source ? source.schema : undefined;
  const data = decode(schema, told.data, 'USER_SIGNAL_INVALID', `${owner}: what the event says`);
  const event = { ...told, data };
  const asked = <T>(what: string, ask: (event: SourceEvent) => T): T => {
    try {
      const answer = ask(event);
      if (!(answer instanceof Promise)) return answer;
      answer.catch(() => undefined);
      throw new Error('it is asynchronous');
    } catch (cause) {
      if (isEvertrainError(cause)) throw cause;
      const said = cause instanceof Error ? cause.message : String(cause);
      throw new EvertrainError('USER_CODE_FAILED', `${owner}: ${what} failed: ${said}.`, { cause });
    }
  };
  const id = checkId(owner, rule.id === undefined ? told.id : asked('id', rule.id));
  if (target.kind === 'batch') {
    const model = modelOf(owner, target.models, asked('model', target.model));
    const what = `${owner}: the batch for model "${model.name}"`;
    const batch = checkValue(undefined, { ...asked('toBatch', target.toBatch), id }, 'USER_SIGNAL_INVALID', what);
    return { kind: 'batch', id, model, batch: checkBatch(model.name, model.data?.event, batch, what) };
  }
  if (target.kind === 'run') {
    const { pipeline } = target;
    const what = `${owner}: the input of pipeline "${pipeline.name}"`;
    const input = checkValue(pipeline.input, asked('toInput', target.toInput), 'USER_INPUT_INVALID', what);
    return { kind: 'run', id: `${pipeline.name}/${id}`, pipeline, input };
  }
  const { signal } = target;
  const what = `${owner}: signal "${signal.name}"`;
  const payload = checkValue(signal.schema, asked('toPayload', target.toPayload), 'USER_SIGNAL_INVALID', what);
  const run = checkId(`${owner}: the run's id`, asked('run', target.run));
  return { kind: 'signal', id: `${name}/${id}`, run, signal: signal.name, payload };
}

function checkId(owner: string, id: unknown): string {
  if (typeof id === 'string' && /^[^\u0000-\u001f\u007f]{1,200}$/.test(id)) return id;
  throw new EvertrainError('USER_SIGNAL_INVALID', `${owner}: the event's id is ${show(id)}.`, {
    value: id,
    remedy: 'Use 1 to 200 characters, none of them a control character.',
  });
}

function modelOf(owner: string, models: ReadonlyMap<string, ModelDefinition>, name: unknown): ModelDefinition {
  const model = models.get(String(name));
  if (model !== undefined) return model;
  throw new EvertrainError(
    'USER_MODEL_UNKNOWN',
    `${owner}: the event is for ${show(name)}, which is none of its models.`,
    {
      value: name,
      remedy: `They are: ${[...models.keys()].slice(0, 10).join(', ')}.`,
    },
  );
}
