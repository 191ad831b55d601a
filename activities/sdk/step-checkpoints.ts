import type { Artifact, Producer } from '../../workflows/sdk/artifact.js';
import type { ResumedCall } from '../../workflows/sdk/step-header.js';
import type { Checkpoint, Checkpoints, StepLogger } from './context.js';
import { openCheckpoints } from './journal/checkpoints.js';
import { openFencedLog, readLogBackwards } from './journal/fenced-log.js';
import { checkpointPrefix } from './journal/keys.js';
import { findResumed } from './journal/resumed-checkpoint.js';
import type { StepServices } from './services.js';

interface StepCheckpointsOptions {
  /** As in the step's header. */
  readonly resumes: readonly ResumedCall[] | undefined;
  readonly log: () => StepLogger;
  /** Called with each checkpoint of the call's own, loaded or saved. */
  readonly saw: (pointer: Checkpoint) => void;
  /** What was reported before a checkpoint is written before it counts. */
  readonly flush: () => Promise<void>;
}

/**
 * The checkpoints of a call: its own, and before the first of these that of an earlier call which it goes on from. Its
 * fenced log is opened when it is first needed, by a first attempt for its first save, so steps without checkpoints pay
 * nothing for it.
 */
export class StepCheckpoints implements Checkpoints {
  private opened: Promise<Checkpoints> | undefined;
  private resumed: Promise<Checkpoint | undefined> | undefined;

  constructor(
    private readonly services: Pick<StepServices, 'journal' | 'store'>,
    private readonly producer: Producer,
    private readonly options: StepCheckpointsOptions,
  ) {}

  /** Fences older attempts and repeats the pointer they left; a borrowed checkpoint is no pointer of this call. */
  async open(): Promise<void> {
    await this.loadOwn();
  }

  async load(): Promise<Checkpoint | undefined> {
    return (await this.loadOwn()) ?? this.borrow();
  }

  async save(artifact: Artifact, meta: Record<string, unknown> = {}): Promise<Checkpoint> {
    // An epoch that is checkpointed is not done again, so its metrics must not get lost with this process either.
    await this.options.flush();
    const saved = await (await this.log()).save(artifact, meta);
    this.options.saw(saved);
    return saved;
  }

  private async loadOwn(): Promise<Checkpoint | undefined> {
    // Opening a log takes several flushes of the disk: too much for each short job that could save a checkpoint.
    if (this.opened === undefined && this.producer.attempt === 1 && (await this.isUntouched())) return undefined;
    const found = await (await this.log()).load();
    if (found !== undefined) this.options.saw(found);
    return found;
  }

  /** Looked for once an attempt: it is said in the log. */
  private borrow(): Promise<Checkpoint | undefined> | undefined {
    const { resumes } = this.options;
    if (resumes === undefined) return undefined;
    const { workflowId, runId } = this.producer;
    const calls = resumes.map((call) => ({ workflowId, runId, ...call }));
    this.resumed ??= findResumed(this.services, calls, this.options.log()).catch((error: unknown) => {
      this.resumed = undefined;
      throw error;
    });
    return this.resumed;
  }

  private async isUntouched(): Promise<boolean> {
    for await (const _ of readLogBackwards(this.services.journal, this.prefix)) return false;
    return true;
  }

  private log(): Promise<Checkpoints> {
    this.opened ??= openFencedLog(this.services.journal, this.prefix, this.producer.attempt).then((log) =>
      openCheckpoints(log, this.services.store),
    );
    return this.opened;
  }

  private get prefix(): string {
    const { workflowId, runId, stepId } = this.producer;
    return checkpointPrefix(workflowId, runId, stepId);
  }
}
