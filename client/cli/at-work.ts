import { setTimeout as sleep } from 'node:timers/promises';
import { readLines } from '../../activities/sdk/journal/read-run.js';
import type { Journal } from '../../activities/sdk/ports.js';
import type { Evertrain } from '../evertrain.js';
import type { RunView } from '../history/run-view.js';
import { StepReports } from './step-reports.js';
import { type UsualTimes, usualTimes } from './usual-times.js';

/** What people want to know of a run that is open, and its history does not have. */
export interface AtWork {
  readonly usual: UsualTimes;
  /** By step id; of steps at work. */
  readonly reports: ReadonlyMap<string, StepReports>;
}

/** Steps whose reports are read: no more have room on a screen. */
const mostSteps = 24;
const everyMs = 500;

/** Gathers it for a run that is followed; what cannot be read is unknown. */
export class WorkWatch implements AtWork {
  usual: UsualTimes = { steps: new Map() };
  readonly reports = new Map<string, StepReports>();
  private readonly cursors = new Map<string, string>();
  private runId: string | undefined;
  private reading: Promise<void> | undefined;

  constructor(
    private readonly evertrain: Evertrain,
    private readonly journal: Journal,
  ) {}

  /** Looks again, unless it has just done so or still does; nobody waits for it. */
  look(view: RunView): void {
    if (this.runId !== view.runId) this.begin(view);
    this.reading ??= this.read(view)
      .catch(() => undefined)
      .then(() => sleep(everyMs))
      .finally(() => {
        this.reading = undefined;
      });
  }

  private begin({ runId, pipeline }: RunView): void {
    this.runId = runId;
    this.reports.clear();
    this.cursors.clear();
    usualTimes(this.evertrain, pipeline).then(
      (usual) => {
        this.usual = usual;
      },
      () => undefined,
    );
  }

  private async read({ workflowId, runId, steps }: RunView): Promise<void> {
    const atWork = steps.filter(({ status }) => status === 'running').slice(0, mostSteps);
    for (const { id } of atWork) {
      const cursor = this.cursors.get(id);
      const options = { stepId: id, ...(cursor === undefined ? {} : { cursor }) };
      const read = await readLines(this.journal, workflowId, runId, options);
      if (runId !== this.runId) return;
      this.cursors.set(id, read.cursor);
      const reports = this.reports.get(id) ?? new StepReports();
      this.reports.set(id, reports);
      for (const line of read.lines) reports.add(line);
    }
  }
}
