import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { type ErrorCode, EvertrainError, isEvertrainError, show } from '../../../workflows/sdk/errors.js';
import type { Artifact } from '../../../workflows/sdk/artifact.js';
import { roomInJournal } from '../attempt.js';
import type { StepContext } from '../context.js';
import { masked } from '../secrets.js';
import { eventPrefix, type JobEvent, type JobFailure, parseEvent } from './job-event.js';
import { OutputBudget } from './output-budget.js';

type CheckpointEvent = Extract<JobEvent, { kind: 'checkpoint' }>;

/**
 * What a job says, line by line: events go to the step's context, everything else to its log. An error thrown by
 * `stdoutLine` means that the job must stop.
 */
export class JobReports {
  /** The last failure that the program told of. */
  failure: JobFailure | undefined;
  /** The last lines of standard error, for the message of a program that tells no failure. */
  readonly lastErrors: string[] = [];
  /** The last line of standard output that is no event and not empty. */
  lastLine = '';
  private readonly budget = new OutputBudget();

  constructor(
    private readonly context: StepContext,
    /** Relative paths in events start here. */
    private readonly folder: string,
    private readonly acknowledge: (line: string) => void,
  ) {}

  stdoutLine(line: string): void | Promise<void> {
    if (!line.startsWith(eventPrefix)) {
      if (line.trim() !== '') this.lastLine = line;
      return this.log(line, 'stdout');
    }
    const event = parseEvent(line.slice(eventPrefix.length));
    if ('malformed' in event) {
      this.context.log.warn(`A malformed event line was left out: ${event.malformed}`, { line: show(line) });
      return;
    }
    return this.report(event);
  }

  stderrLine(line: string): void {
    if (line.trim() !== '') this.lastErrors.push(masked(line).slice(0, 500));
    if (this.lastErrors.length > 5) this.lastErrors.shift();
    this.log(line, 'stderr');
  }

  /** Waits while the job writes faster than its budget, or than the journal takes it. */
  async spend(bytes: number, lines: number): Promise<void> {
    await this.budget.spend(bytes, lines);
    await roomInJournal(this.context);
  }

  private log(line: string, stream: 'stdout' | 'stderr'): void {
    this.context.log.info(line, { stream });
  }

  private report(event: JobEvent): void | Promise<void> {
    switch (event.kind) {
      case 'progress':
        return this.context.progress(event.fraction, event.message);
      case 'metric':
        return this.context.metric(event.name, event.value, event.at ?? undefined);
      case 'log':
        return this.context.log[event.level](event.message);
      case 'failure':
        this.failure = event;
        return;
      case 'checkpoint':
        return this.checkpoint(event);
    }
  }

  /** A program that waits for the answer is told of a fault; for one that does not, the fault ends the job. */
  private async checkpoint(event: CheckpointEvent): Promise<void> {
    const { id } = event;
    try {
      const artifact = await this.store(resolve(this.folder, event.path));
      const { sequence } = await this.context.checkpoints.save(artifact, event.meta ?? {});
      if (id !== undefined) this.acknowledge(JSON.stringify({ id, sequence }));
    } catch (error) {
      if (id === undefined || (isEvertrainError(error) && error.code === 'SYSTEM_FENCED')) throw error;
      const code: ErrorCode = isEvertrainError(error) ? error.code : 'USER_JOB_FAILED';
      this.acknowledge(JSON.stringify({ id, error: (error as Error).message, code }));
    }
  }

  private async store(path: string): Promise<Artifact> {
    const found = await stat(path).catch(() => undefined);
    if (found === undefined) {
      throw new EvertrainError('USER_JOB_FAILED', `The job's checkpoint ${path} does not exist.`, {
        value: path,
        remedy: 'Write the file or directory before reporting it.',
      });
    }
    return found.isDirectory() ? this.context.artifacts.putDirectory(path) : this.context.artifacts.putFile(path);
  }
}
