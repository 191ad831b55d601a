import { randomUUID } from 'node:crypto';
import type { Client, WorkflowStartOptions } from '@temporalio/client';
import type { PipelineDefinition } from '../workflows/sdk/definitions.js';
import { EvertrainError, show } from '../workflows/sdk/errors.js';
import type { ModelDefinition } from '../workflows/sdk/model/model.js';
import { checkOptions, invalidOption, nearestName } from '../workflows/sdk/options.js';
import type { PipelineInput, PipelineOutput } from '../workflows/sdk/pipeline.js';
import { checkPriority, type Priority, taskPriority } from '../workflows/sdk/priority.js';
import { defaultQueue, type PipelineResult, searchAttributes } from '../workflows/sdk/protocol.js';
import type { Provenance } from '../workflows/sdk/provenance.js';
import type { Rerun } from '../workflows/sdk/rerun.js';
import type { RunOptions } from '../workflows/sdk/run-options.js';
import { backfillWorkflowType } from '../workflows/sdk/schedule/backfill-messages.js';
import { Assets } from './assets/assets.js';
import { BackfillHandle, type BackfillOptions, backfillStart } from './backfill.js';
import type { DataInterval } from '../workflows/sdk/schedule/planned.js';
import type { ScheduleDefinition } from '../workflows/sdk/schedule/schedule.js';
import { checkValue } from './check-value.js';
import type { ResolvedConnection } from './config.js';
import type { AttemptsReader, RunContext } from './context.js';
import { DataGathering } from './data-gathering.js';
import { fetchHistory } from './history/fetch.js';
import { planRerun } from './history/plan-rerun.js';
import { listRuns, type ListOptions, pageOfRuns, type RunsPage, type RunSummary } from './list-runs.js';
import { Model, type ModelContext } from './model-handle.js';
import { gatherProvenance } from './provenance.js';
import { plannedBy } from './planned-by.js';
import { type QueueBacklog, queueBacklogs } from './queue-backlogs.js';
import { Run } from './run.js';
import { Schedules } from './schedules/schedules.js';
import { sendData } from './send-data.js';
import { toEvertrainError } from './to-error.js';

export interface StartOptions {
  /** The run's workflow id; default `<pipeline>/<8 random hex digits>`. */
  readonly id?: string;
  /** From which every step's seed is derived; default 0. A whole number. */
  readonly seed?: number;
  /** What reproduces the run. Default: gathered in the current folder, once a connection; `false`: none. */
  readonly provenance?: Provenance | false;
  /** Task queue of the run; default `evertrain`. */
  readonly queue?: string;
  /**
   * What to do when an open run has the id: `fail` with USER_RUN_EXISTS (default), or attach to it; `once` fails also where
   * a closed run has it that the engine still knows.
   */
  readonly conflict?: 'fail' | 'use-existing' | 'once';
  /** Outputs and answers handed over from an earlier run; see `Evertrain.rerun`. */
  readonly rerun?: Rerun;
  /** Asks the step cache for nothing, so every step runs. */
  readonly fresh?: boolean;
  /** Of its steps in queues and pools, whatever they declare: 1 first, 5 last. Default: as they declare, else 3. */
  readonly priority?: Priority;
  /** What the run is for; as if a schedule had planned it. Default: none. */
  readonly logicalDate?: Date;
  /** Given with `logicalDate`. */
  readonly dataInterval?: DataInterval;
}

export interface RerunOptions extends Pick<StartOptions, 'id' | 'provenance' | 'queue'> {
  /** Id of a step or child run as the view has it, or a step's name for all steps of that name. */
  readonly from: string;
  /** Takes the answers that people gave to the earlier run; else they are asked again. */
  readonly keepApprovals?: boolean;
  /** The pipelines that exist, to refuse at once a run whose pipeline is gone: USER_PIPELINE_UNKNOWN. */
  readonly known?: readonly (string | PipelineDefinition)[];
}

export interface StartByNameOptions extends StartOptions {
  /** The pipelines that exist, to refuse any other name at once. */
  readonly known?: readonly (string | PipelineDefinition)[];
}

/** As the engine has it. */
const maxIdBytes = 1_000;

const startOptionNames = [
  'id',
  'seed',
  'provenance',
  'queue',
  'conflict',
  'rerun',
  'fresh',
  'priority',
  'logicalDate',
  'dataInterval',
] as const;

interface Parts {
  readonly client: Client;
  readonly close: () => Promise<void>;
  readonly resolved: ResolvedConnection;
  readonly attempts?: AttemptsReader | undefined;
}

/** Application code's view of the engine: starts runs, finds them again, speaks with models. Made by `connect`. */
export class Evertrain {
  /** Temporal's own client on the same connection, for what Evertrain does not wrap. */
  readonly client: Client;
  readonly address: string;
  readonly namespace: string;
  /** What starts runs by itself. */
  readonly schedules: Schedules;
  /** What runs publish, and what starts runs on news of it. */
  readonly assets: Assets;
  private readonly context: ModelContext;
  private readonly closeConnection: () => Promise<void>;
  private provenance: Promise<Provenance> | undefined;

  constructor({ client, close, resolved, attempts }: Parts) {
    this.client = client;
    this.closeConnection = close;
    this.address = resolved.address;
    this.namespace = resolved.namespace;
    const context: RunContext = { client, address: resolved.address, attempts };
    this.schedules = new Schedules(context);
    this.assets = new Assets(context);
    this.context = { ...context, data: new DataGathering((...signal) => sendData(context, ...signal)) };
  }

  /** Starts a run. The input is checked at once: USER_INPUT_INVALID. */
  async start<P extends PipelineDefinition>(
    pipeline: P,
    input: PipelineInput<P>,
    options: StartOptions = {},
  ): Promise<Run<PipelineOutput<P>>> {
    if (pipeline?.kind !== 'pipeline') {
      throw new EvertrainError('USER_OPTION_INVALID', `start: ${show(pipeline)} is not a pipeline.`, {
        value: pipeline,
        remedy: 'Pass a value made by pipeline(), or use startByName with a name.',
      });
    }
    const what = `the input of pipeline "${pipeline.name}"`;
    const travels = checkValue(pipeline.input, input, 'USER_INPUT_INVALID', what);
    return this.startRun(pipeline.name, travels, options, pipeline.description);
  }

  /** Starts a run of a pipeline that is known by name only; its input is checked when the run starts. */
  async startByName(name: string, input: unknown, options: StartByNameOptions = {}): Promise<Run> {
    const { known, ...rest } = options;
    const found = known?.find((one) => nameOf(one) === name);
    if (known !== undefined && found === undefined) throw unknownPipeline(name, known);
    if (typeof found === 'object' || typeof found === 'function') return this.start(found, input, rest);
    const travels = checkValue(undefined, input, 'USER_INPUT_INVALID', `the input of pipeline "${name}"`);
    return this.startRun(name, travels, rest);
  }

  /** Starts a run and waits for its end; see `Run.result`. */
  async execute<P extends PipelineDefinition>(
    pipeline: P,
    input: PipelineInput<P>,
    options: StartOptions = {},
  ): Promise<PipelineResult<PipelineOutput<P>>> {
    return (await this.start(pipeline, input, options)).result();
  }

  /**
   * Repeats a closed run from a step on: a new run, linked to the old one, that is given the recorded outputs of all
   * steps that the step does not lead to (by data or cause), as long as they are called with the same input. The step
   * itself and what follows run, whatever the step cache has. Signals are not handed over.
   */
  async rerun(run: Run | string, options: RerunOptions): Promise<Run & { readonly again: readonly string[] }> {
    checkOptions('rerun', options, ['from', 'keepApprovals', 'known', 'id', 'provenance', 'queue']);
    const { from, keepApprovals, known, ...start } = options;
    const earlier = typeof run === 'string' ? this.attach(run) : run;
    try {
      const history = await fetchHistory(this.client, earlier.workflowId, earlier.runId);
      const plan = planRerun({ history, from, keepApprovals });
      const { pipeline, input, seed, rerun, again, dates } = plan;
      if (known !== undefined && !known.some((one) => nameOf(one) === pipeline)) throw unknownPipeline(pipeline, known);
      const started = await this.startRun(pipeline, input, { ...start, ...dates, seed, rerun, fresh: true });
      return Object.assign(started, { again });
    } catch (error) {
      throw toEvertrainError(error, { what: `run "${earlier.workflowId}"`, address: this.address });
    }
  }

  /**
   * Runs a schedule's pipeline for each of its fire times in a range, as a run of its own that a restart does not stop.
   * Dates that have a run are skipped. Its id names schedule and range: to start one twice is refused while it is open.
   */
  async backfill(declared: ScheduleDefinition, options: BackfillOptions): Promise<BackfillHandle> {
    const start = backfillStart(declared, options);
    const id = `backfill/${start.schedule}/${start.from}_${start.to}`;
    const { runId } = await this.startRun(backfillWorkflowType, start, { id, provenance: false });
    return new BackfillHandle(this.context, id, runId);
  }

  /** A backfill that exists, by id. */
  attachBackfill(id: string): BackfillHandle {
    return new BackfillHandle(this.context, id);
  }

  /** A run that exists, by id; with the pipeline's value its result is typed. Without a run id: the newest of the id. */
  attach(workflowId: string, runId?: string): Run;
  attach<P extends PipelineDefinition>(
    pipeline: P | undefined,
    workflowId: string,
    runId?: string,
  ): Run<PipelineOutput<P>>;
  attach(first: PipelineDefinition | string | undefined, second?: string, third?: string): Run {
    const [workflowId, runId] = typeof first === 'string' ? [first, second] : [second, third];
    if (typeof workflowId === 'string' && workflowId !== '') return new Run(this.context, workflowId, runId);
    throw new EvertrainError('USER_OPTION_INVALID', `attach: ${show(workflowId)} is not a run's id.`, {
      value: workflowId,
    });
  }

  /** Runs of pipelines, newest first, as the engine's index has them. */
  async list(options: ListOptions = {}): Promise<RunSummary[]> {
    try {
      return await listRuns(this.client, options);
    } catch (error) {
      throw toEvertrainError(error, { what: 'the list of runs', address: this.address });
    }
  }

  /** The same in parts: at most `limit` (and 200) runs, from the `next` of an earlier part on. */
  async page(options: ListOptions = {}, from?: string): Promise<RunsPage> {
    try {
      return await pageOfRuns(this.client, options, from);
    } catch (error) {
      throw toEvertrainError(error, { what: 'the list of runs', address: this.address });
    }
  }

  /** What waits in these queues, and who serves them; default: the queue of runs. To scale workers by, for example. */
  async queues(names: readonly string[] = [defaultQueue]): Promise<QueueBacklog[]> {
    try {
      return await queueBacklogs(this.client, names);
    } catch (error) {
      throw toEvertrainError(error, { what: 'the queues', address: this.address });
    }
  }

  model<P extends PipelineDefinition>(model: ModelDefinition<P> | string): Model<P> {
    return new Model(this.context, model, () => this.gathered());
  }

  /** Sends what data was gathered, then lets go of the connection; runs go on. */
  async close(): Promise<void> {
    await this.context.data.close();
    await this.closeConnection();
  }

  private async startRun(name: string, input: unknown, options: StartOptions, summary = name): Promise<Run<never>> {
    checkOptions(`start of pipeline "${name}"`, options, startOptionNames);
    const { queue, conflict = 'fail', id = `${name}/${randomUUID().slice(0, 8)}` } = options;
    if (typeof id !== 'string' || id === '' || Buffer.byteLength(id) > maxIdBytes) {
      throw invalid('id', id, 'Use a text of 1 to 1,000 bytes.');
    }
    const start: WorkflowStartOptions = {
      workflowId: id,
      taskQueue: queue ?? defaultQueue,
      args: [input, await this.runOptions(options)],
      workflowIdConflictPolicy: conflict === 'use-existing' ? 'USE_EXISTING' : 'FAIL',
      ...(conflict === 'once' ? { workflowIdReusePolicy: 'REJECT_DUPLICATE' as const } : {}),
      typedSearchAttributes: [{ key: { name: searchAttributes.pipeline.name, type: 'KEYWORD' }, value: name }],
      staticSummary: summary,
      priority: taskPriority(name, options.priority),
    };
    try {
      const { firstExecutionRunId } = await this.client.workflow.start(name, start);
      return new Run(this.context, id, firstExecutionRunId);
    } catch (error) {
      throw toEvertrainError(error, { what: `run "${id}"`, address: this.address });
    }
  }

  private async runOptions(options: StartOptions): Promise<RunOptions> {
    const { seed, provenance, rerun, fresh, conflict, priority, logicalDate, dataInterval } = options;
    if (seed !== undefined && !Number.isSafeInteger(seed)) throw invalid('seed', seed, 'Use a whole number.');
    if (priority !== undefined) checkPriority('start', priority);
    if (conflict !== undefined && !['fail', 'use-existing', 'once'].includes(conflict)) {
      throw invalid('conflict', conflict, "Use 'fail', 'use-existing' or 'once'.");
    }
    const gathered = provenance === false ? undefined : (provenance ?? (await this.gathered()));
    return {
      ...(seed === undefined ? {} : { seed }),
      ...(gathered === undefined ? {} : { provenance: gathered }),
      ...(rerun === undefined ? {} : { rerun }),
      ...(fresh === true ? { fresh } : {}),
      ...(priority === undefined ? {} : { priority }),
      ...plannedBy(logicalDate, dataInterval),
    };
  }

  private gathered(): Promise<Provenance> {
    this.provenance ??= gatherProvenance(process.cwd());
    return this.provenance;
  }
}

function nameOf(pipeline: string | PipelineDefinition): string {
  return typeof pipeline === 'string' ? pipeline : pipeline.name;
}

function unknownPipeline(name: string, known: readonly (string | PipelineDefinition)[]): EvertrainError {
  const names = known.map(nameOf);
  const nearest = nearestName(name, names);
  return new EvertrainError('USER_PIPELINE_UNKNOWN', `There is no pipeline "${name}".`, {
    value: name,
    remedy: nearest === undefined ? `There are: ${names.join(', ') || 'none'}.` : `Did you mean "${nearest}"?`,
  });
}

function invalid(option: string, value: unknown, remedy: string): EvertrainError {
  return invalidOption('start', option, value, remedy);
}
