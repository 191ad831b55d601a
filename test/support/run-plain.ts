/**
 * Pipelines as plain function calls: no engine, no worker, no waiting. Steps are functions given by the test or the
 * project's own implementations, the clock is virtual (a sleep or a deadline passes at once), answers and signals are given beforehand. What a pipeline
 * does is the same code as on a worker; what durability adds (retries, heartbeats, the cache) is not there.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import { createHash } from 'node:crypto';
import { acceptAnswer } from '../../workflows/sdk/approval.js';
import { awaitable } from '../../workflows/sdk/awaitable.js';
import type { PipelineDefinition, StepDefinition } from '../../workflows/sdk/definitions.js';
import { EvertrainError, show } from '../../workflows/sdk/errors.js';
import { checkInput, checkOutput } from '../../workflows/sdk/json-size.js';
import { checkOptions } from '../../workflows/sdk/options.js';
import type { PipelineInput, PipelineOutput } from '../../workflows/sdk/pipeline.js';
import { builtIn, type PipelineResult } from '../../workflows/sdk/protocol.js';
import type { RunOptions } from '../../workflows/sdk/run-options.js';
import {
  type ApprovalBook,
  GateRejection,
  type RunHost,
  type RunScope,
  type StartedRun,
  type StepPath,
  useScopeLookup,
} from '../../workflows/sdk/run-scope.js';
import type { DataInterval } from '../../workflows/sdk/schedule/planned.js';
import { decode } from '../../workflows/sdk/schema.js';
import { studyMediaType } from '../../workflows/sdk/search/study-record.js';
import type { SensorRequest } from '../../workflows/sdk/sensors/condition.js';
import { sensorTimedOut } from '../../workflows/sdk/sensors/timed-out.js';
import type { VariableRead } from '../../workflows/sdk/variable.js';
import type { PlainActivities } from './plain-activities.js';

/** Stands for a step: takes the decoded side of its input, answers the encoded side of its output. */
export type PlainStep = (input: never, call: PlainCall) => unknown;

export interface PlainCall {
  /** The step's id in the run, e.g. `sources[1]/data.ingest`. */
  readonly id: string;
  readonly groups: readonly string[];
}

export interface PlainStart {
  readonly pipeline: string;
  readonly input: unknown;
  readonly workflowId: string;
}

export interface PlainOptions {
  /** By step name; comes before `activities`. */
  readonly steps?: Readonly<Record<string, PlainStep>>;
  /** The project's own implementations (`plainActivities`), for steps that `steps` does not give. */
  readonly activities?: PlainActivities;
  /** Answers by approval id (its name, `#n` from the second on); one that is missing times out, or is an error. */
  readonly answers?: Readonly<Record<string, unknown>>;
  /** Payloads of signals by name, oldest first. */
  readonly signals?: Readonly<Record<string, readonly unknown[]>>;
  /** Told of each run that the pipeline starts and does not wait for, which is not run; `false`: one of its id is there. */
  readonly onStart?: (run: PlainStart) => boolean | void;
  /** Values of variables by name; the others have their defaults. */
  readonly variables?: Readonly<Record<string, unknown>>;
  /** What sensors find, by name; one that is missing times out where it has a `timeout`, and else is an error. */
  readonly sensors?: Readonly<Record<string, unknown>>;
  /** Stand for activities of Evertrain's own, by type, e.g. `evertrain.suggest`, which asks Optuna for parameters. */
  readonly builtIns?: Readonly<Record<string, (argument: unknown) => Promise<unknown>>>;
  /** Where the clock of the run starts; default 2000-01-01. */
  readonly startAt?: Date;
  /** As if a schedule had planned the run. */
  readonly logicalDate?: Date;
  readonly dataInterval?: DataInterval;
}

const optionNames = [
  'steps',
  'activities',
  'answers',
  'signals',
  'sensors',
  'onStart',
  'variables',
  'builtIns',
  'startAt',
  'logicalDate',
  'dataInterval',
] as const;

const scopes = new AsyncLocalStorage<RunScope>();
const paths = new AsyncLocalStorage<StepPath>();
const root: StepPath = { prefix: '', groups: [] };

/**
 * Runs a pipeline as plain calls; a gate that is not passed is an outcome, every other failure is thrown as it is.
 * Codes: USER_INPUT_INVALID, USER_OUTPUT_INVALID, USER_STEP_NOT_IMPLEMENTED, and those of the pipeline itself.
 */
export async function runPlain<P extends PipelineDefinition>(
  pipeline: P,
  input: PipelineInput<P>,
  options: PlainOptions = {},
): Promise<PipelineResult<PipelineOutput<P>>> {
  checkOptions('runPlain', options, optionNames);
  useScopeLookup(() => scopes.getStore(), paths);
  const host = new PlainHost(options);
  return (await runIn(host, pipeline, input)) as PipelineResult<PipelineOutput<P>>;
}

async function runIn(host: PlainHost, pipeline: PipelineDefinition, input: unknown): Promise<PipelineResult<unknown>> {
  const decoded = decode(pipeline.input, input, 'USER_INPUT_INVALID', `the input of pipeline "${pipeline.name}"`);
  const scope: RunScope = {
    pipeline,
    options: host.options,
    host,
    counts: new Map(),
    progress: new Map(),
    fanOuts: new Map(),
  };
  try {
    const output = await scopes.run(scope, () => paths.run(root, () => pipeline.run(decoded as never)));
    if (scope.rejected === undefined) {
      checkOutput(pipeline.name, output);
      return { outcome: 'completed', output };
    }
  } catch (error) {
    if (scope.rejected === undefined) throw error;
  }
  return rejection(scope.rejected);
}

function rejection({ gate, facts }: GateRejection): PipelineResult<never> {
  return { outcome: 'rejected', gate, ...(facts === undefined ? {} : { facts }) };
}

class PlainHost implements RunHost {
  readonly signals: Map<string, unknown[]>;
  readonly approvals: ApprovalBook = new Map();
  /** Of the run and its children. */
  readonly options: RunOptions;
  private clockMs: number;

  constructor(private readonly given: PlainOptions) {
    this.clockMs = (given.startAt ?? new Date('2000-01-01T00:00:00Z')).getTime();
    const { logicalDate: date, dataInterval: of } = given;
    const interval = of && { start: of.start.toISOString(), end: of.end.toISOString() };
    this.options =
      date === undefined
        ? {}
        : { planned: { date: date.toISOString(), ...(interval === undefined ? {} : { interval }) } };
    this.signals = new Map(Object.entries(given.signals ?? {}).map(([name, payloads]) => [name, [...payloads]]));
  }

  step(scope: RunScope, definition: StepDefinition, input: unknown, id: string, path: StepPath): Promise<unknown> {
    return awaitable(this.checkedStep(scope, definition, input, id, path));
  }

  private async checkedStep(
    scope: RunScope,
    definition: StepDefinition,
    input: unknown,
    id: string,
    path: StepPath,
  ): Promise<unknown> {
    checkInput(id, input);
    const output = asJson(await this.run(definition, asJson(input), { id, groups: path.groups }));
    decode(definition.output, output, 'USER_OUTPUT_INVALID', `the output of step "${definition.name}"`);
    if (scope.rejected !== undefined) throw scope.rejected;
    return output;
  }

  private async run(definition: StepDefinition, input: unknown, call: PlainCall): Promise<unknown> {
    const { name } = definition;
    const { steps = {}, activities, variables = {} } = this.given;
    if (name === builtIn.variable) {
      const { name: of, default: fallback } = input as VariableRead;
      return { value: Object.hasOwn(variables, of) ? variables[of] : fallback };
    }
    const given = steps[name];
    if (given === undefined && activities !== undefined) return activities.runAs(call.id, definition, input);
    if (given !== undefined) {
      return given(decode(definition.input, input, 'USER_INPUT_INVALID', `the input of step "${name}"`) as never, call);
    }
    throw new EvertrainError('USER_STEP_NOT_IMPLEMENTED', `runPlain was given nothing for step "${name}".`, {
      value: name,
      remedy: `Add it to \`steps\`, which has ${Object.keys(steps).join(', ') || 'none'}, or give \`activities\`.`,
    });
  }

  async child(_scope: RunScope, pipeline: PipelineDefinition, input: unknown, id: string): Promise<unknown> {
    checkInput(id, input);
    return runIn(new PlainHost({ ...this.given, startAt: new Date(this.clockMs) }), pipeline, asJson(input));
  }

  async start(
    _scope: RunScope,
    { name: pipeline, input: schema }: PipelineDefinition,
    input: unknown,
    id: string,
    workflowId = `plain/${id}`,
  ): Promise<StartedRun> {
    checkInput(id, input);
    decode(schema, asJson(input), 'USER_INPUT_INVALID', `the input of pipeline "${pipeline}"`);
    const isNew = this.given.onStart?.({ pipeline, input: asJson(input), workflowId }) !== false;
    return { workflowId, ...(isNew ? { runId: 'plain' } : {}), isNew };
  }

  async sensor(_scope: RunScope, request: SensorRequest): Promise<unknown> {
    const { name, condition, timeoutMs, onTimeout } = request;
    const facts = this.given.sensors?.[name];
    if (facts !== undefined) return asJson(facts);
    if (condition.kind === 'time') this.clockMs = Math.max(this.clockMs, new Date(condition.at).getTime());
    if (condition.kind === 'time') return { at: condition.at };
    if (timeoutMs === undefined) {
      throw new EvertrainError('USER_STEP_NOT_IMPLEMENTED', `runPlain was given nothing for sensor "${name}".`, {
        value: name,
        remedy: 'Give what it finds in `sensors`.',
      });
    }
    this.clockMs += timeoutMs;
    if (onTimeout === 'skip') return undefined;
    throw sensorTimedOut(request, 'runPlain was given nothing for it');
  }

  /** A study's artifact is named and not stored. */
  async builtIn(type: string, argument: unknown): Promise<unknown> {
    const given = this.given.builtIns?.[type];
    if (given !== undefined) return asJson(await given(asJson(argument)));
    if (type === builtIn.study || type === builtIn.keepText) {
      const bytes = Buffer.from(JSON.stringify(argument));
      const sha256 = createHash('sha256').update(bytes).digest('hex');
      return { uri: `plain:sha256/${sha256}`, sha256, sizeBytes: bytes.length, mediaType: studyMediaType };
    }
    throw new EvertrainError('USER_STEP_NOT_IMPLEMENTED', `Plain calls do not have ${show(type)}.`, {
      value: type,
      remedy:
        'Use a sampler that needs no Optuna, for example random(), run the pipeline on a worker, or give it in `builtIns`.',
    });
  }

  record(): void {}

  async wait(ready: () => boolean, withinMs?: number): Promise<boolean> {
    this.giveAnswers();
    await Promise.resolve();
    if (ready()) return true;
    if (withinMs !== undefined) {
      this.clockMs += withinMs;
      return false;
    }
    const open = [...this.approvals].find(([, { state }]) => state === 'waiting');
    throw new EvertrainError(
      open === undefined ? 'USER_SIGNAL_INVALID' : 'USER_ANSWER_INVALID',
      open === undefined ? 'The pipeline waits for a signal that never comes.' : `Nobody answers ${show(open[0])}.`,
      { remedy: 'Give runPlain the `answers` and `signals` that the pipeline waits for.' },
    );
  }

  now(): number {
    return this.clockMs;
  }

  waitingFor(): void {}

  notify(): void {}

  private giveAnswers(): void {
    for (const [id, { state }] of this.approvals) {
      const answer = this.given.answers?.[id];
      if (state === 'waiting' && answer !== undefined) acceptAnswer(this.approvals, { id, answer });
    }
  }
}

/** What travels between a pipeline and a step is JSON: a test sees what a worker would. */
function asJson(value: unknown): unknown {
  const text = JSON.stringify(value) as string | undefined;
  return text === undefined ? undefined : (JSON.parse(text) as unknown);
}
