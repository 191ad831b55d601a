import type { Artifact } from '../../workflows/sdk/artifact.js';
import type { Evertrain } from '../evertrain.js';
import type { RunView } from '../history/run-view.js';
import type { LogHit, LogQuery } from '../log-query.js';
import type { Access, AccessOptions } from './access.js';
import type { ProjectReader, VariableForm } from './project-facts.js';
import type { AttemptLine, CurveLine, Preview, ShownStudy, VariablesAnswer } from './shapes.js';

/** What the engine does not know: journal and artifact store. */
export interface DashboardReader {
  /** From its history, or from its record where the engine has forgotten it. */
  run(workflowId: string, runId?: string): Promise<RunView>;
  /** Of a run's attempts, by time; `cursor` continues. */
  lines(
    workflowId: string,
    runId: string,
    options: { readonly stepId?: string | undefined; readonly cursor?: string | undefined },
  ): Promise<{ readonly lines: readonly AttemptLine[]; readonly cursor: string }>;
  /** Tells the metrics of a run, or of some steps or groups of it, that have grown since the last call. */
  curves(workflowId: string, runId: string, steps: readonly string[]): () => Promise<readonly CurveLine[]>;
  /** Also those that have a run of their own, and trials and importance that only an artifact has. */
  studies(view: RunView): Promise<readonly ShownStudy[]>;
  /** Through the logs of all runs, or of a pipeline's or model's; answers whether there are more than `limit` lines. */
  search(query: LogQuery, options: SearchIn): AsyncGenerator<readonly LogHit[], { readonly isCut: boolean }>;
  preview(artifact: Artifact): Promise<Preview>;
  /** Of a project: their values, and what was done to them. */
  variables(declared: readonly VariableForm[]): Promise<VariablesAnswer>;
  setVariable(name: string, value: unknown, by: string): Promise<void>;
  /** It has its default again. */
  unsetVariable(name: string, by: string): Promise<void>;
}

export interface SearchIn {
  readonly pipeline?: string;
  readonly model?: string;
  readonly limit: number;
  readonly signal: AbortSignal;
}

export interface DashboardOptions extends AccessOptions {
  readonly evertrain: Evertrain;
  readonly reader: DashboardReader;
  /** The folder of the built pages. */
  readonly pages: string;
  /** Of the folder in which it was started, if there is one: its pipelines can be started. */
  readonly project?: ProjectReader;
  /** Of Temporal's UI. */
  readonly temporalUi?: string;
  readonly log: (line: string) => void;
}

export type DashboardContext = DashboardOptions & Pick<Access, 'actorOf'>;
