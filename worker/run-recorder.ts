import { createHash } from 'node:crypto';
import type { Client } from '@temporalio/client';
import { journalKey } from '../activities/sdk/ports.js';
import { runRecordKey } from '../activities/sdk/journal/keys.js';
import { readAttempts } from '../activities/sdk/journal/read-run.js';
import type { StepServices } from '../activities/sdk/services.js';
import { fetchHistory } from '../client/history/fetch.js';
import { projectRun } from '../client/history/project-run.js';
import { modelWorkflowType } from '../workflows/sdk/model/messages.js';
import type { Project } from '../workflows/sdk/project.js';
import { searchAttributes } from '../workflows/sdk/protocol.js';
import { workerLog } from './log.js';
import { noteUser } from './maintenance/store-users.js';
import { pause } from './pause.js';

export interface RunRecorderOptions {
  readonly client: Client;
  readonly services: StepServices;
  /** Whose pipelines' runs are recorded, and models', whose runs end by continuing as new. */
  readonly project: Pick<Project, 'pipelines' | 'models'>;
}

interface RunRef {
  readonly workflowId: string;
  readonly runId: string;
}

/** A run's other workers have written the records of their last attempts by then. */
const settleMs = 300;
const triesOfOne = 6;
/** Records give way to steps: after each, a rest of so many times as long as it took, while not too many wait. */
const restRatio = 9;
const mostResting = 1_000;
const mostLanes = 4;
const firstSweepMs = 3_000;
const sweepEveryMs = 10 * 60_000;
/** How far the engine's index may lag behind, generously. */
const marginMs = 10 * 60_000;

/**
 * Writes the run record of each run that has closed: its projection, kept beyond the history's retention. No run waits
 * for it, and it costs a run no event: the worker that carries out a run's last task is told so by the run (`closing`).
 * What that misses – a worker killed meanwhile, a run that was terminated, a store that was away – a sweep finds: soon
 * after the start and every 10 minutes, it looks at all runs that closed since the last sweep that left none out.
 */
export class RunRecorder {
  private readonly due: (RunRef & { readonly tries: number })[] = [];
  private readonly stopped = new AbortController();
  private readonly working = new Set<Promise<unknown>>();
  private busyLanes = 0;

  constructor(private readonly options: RunRecorderOptions) {}

  /** Begins with the sweeps. */
  start(): void {
    this.keep(this.sweeps());
  }

  /** A run's last task is being carried out by this worker. */
  closing(run: RunRef): void {
    this.later(run, 0);
  }

  /** Ends the sweeps; writes what it was told of, as far as that goes at once. */
  async stop(): Promise<void> {
    this.stopped.abort();
    while (this.working.size > 0) await Promise.all(this.working);
  }

  private later({ workflowId, runId }: RunRef, tries: number): void {
    const run = { workflowId, runId, tries: tries + 1 };
    this.keep(
      pause(settleMs * 2 ** tries, this.stopped.signal).then(() => {
        this.due.push(run);
        const lanes = this.due.length > mostResting ? mostLanes : 1;
        if (this.busyLanes < lanes) this.keep(this.lane());
      }),
    );
  }

  private async lane(): Promise<void> {
    this.busyLanes++;
    for (let run = this.due.shift(); run !== undefined; run = this.due.shift()) {
      const began = performance.now();
      const isRecorded = await this.record(run).catch((error: unknown) => {
        workerLog.debug({ run: run?.runId, error }, 'a run was not recorded yet');
        return false;
      });
      const last = this.stopped.signal.aborted ? 2 : triesOfOne;
      if (!isRecorded && run.tries < last) this.later(run, run.tries);
      if (this.due.length <= mostResting) await pause(restRatio * (performance.now() - began), this.stopped.signal);
    }
    this.busyLanes--;
  }

  /** False when the run has not closed yet: the task that ended it may still be under way. */
  private async record({ workflowId, runId }: RunRef): Promise<boolean> {
    const { client, services } = this.options;
    await services.records.flush({ workflowId, runId });
    const history = await fetchHistory(client, workflowId, runId);
    const attempts = await readAttempts(services.journal, workflowId, runId);
    const view = projectRun({ history, attempts, runId });
    if (view.closedAt === undefined) return false;
    await services.journal.put(runRecordKey(workflowId, runId), JSON.stringify({ view, recordedAt: Date.now() }));
    return true;
  }

  private async sweeps(): Promise<void> {
    let isKnown = false;
    for (let waitMs = firstSweepMs; ; waitMs = sweepEveryMs) {
      await pause(waitMs, this.stopped.signal);
      if (this.stopped.signal.aborted) return;
      const looked = async () => {
        if (!isKnown) await noteUser(this.options.services.journal, this.options.client);
        isKnown = true;
        await this.sweep();
      };
      await looked().catch((error: unknown) => {
        workerLog.warn({ error }, 'the sweep for closed runs without a record failed; the next one goes on');
      });
    }
  }

  /** Only the engine's clock counts, which the times of the runs come from. */
  private async sweep(): Promise<void> {
    const { client, services, project } = this.options;
    const { journal } = services;
    const of = [
      among(searchAttributes.pipeline.name, project.pipelines),
      `(WorkflowType = '${modelWorkflowType}' AND ${among(searchAttributes.model.name, project.models)})`,
    ].join(' OR ');
    const digest = createHash('sha256').update(of).digest('hex').slice(0, 16);
    const key = journalKey('recorded-until', client.options.namespace, digest);
    const until = (JSON.parse((await journal.get(key)) ?? '{}') as { closedAt?: number }).closedAt ?? 0;
    const since = new Date(Math.max(0, until - marginMs)).toISOString();
    const query = `(${of}) AND CloseTime >= '${since}'`;
    let newest = until;
    for await (const { workflowId, runId, closeTime } of client.workflow.list({ query })) {
      if (this.stopped.signal.aborted) return;
      newest = Math.max(newest, closeTime?.getTime() ?? 0);
      if ((await journal.get(runRecordKey(workflowId, runId))) === undefined) await this.record({ workflowId, runId });
    }
    if (newest > until) await journal.put(key, JSON.stringify({ closedAt: newest }));
  }

  private keep(work: Promise<unknown>): void {
    const kept = work.finally(() => this.working.delete(kept));
    this.working.add(kept);
  }
}

/** A query; no run has the name of one that cannot be. */
function among(attribute: string, parts: ReadonlyArray<{ readonly name: string }>): string {
  const quoted = [{ name: '' }, ...parts].map(({ name }) => `'${name.replaceAll("'", "''")}'`).sort();
  return `${attribute} IN (${quoted.join()})`;
}
