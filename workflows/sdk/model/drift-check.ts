import { scheduleActivity } from '@temporalio/workflow';
import { z } from 'zod';
import { type Artifact, artifact } from '../artifact.js';
import type { PipelineDefinition } from '../definitions.js';
import { pipeline } from '../pipeline.js';
import { builtIn } from '../protocol.js';
import { finalCodes } from './deploy.js';
import { checkDrift, type DriftReport, DriftRules } from './drift.js';
import type { DriftRecord } from './model-state.js';

/** Requests that a version answered, between these times: milliseconds since 1970. */
export interface WindowRequest {
  readonly model: string;
  readonly version: string;
  readonly since: number;
  readonly until: number;
}

/** A table (Parquet) of a sample of them: the model's features, and `prediction`, `at` and `version`. */
export interface LoggedWindow {
  readonly rows: number;
  readonly artifact?: Artifact;
}

/** A model's state keeps 20 of them. */
const mostReason = 300;

const DriftCheckInput = z.lazy(() =>
  z.object({
    model: z.string(),
    version: z.string(),
    /** What the version was trained on. */
    reference: artifact(),
    /** What it answered at first. */
    referencePredictions: artifact().optional(),
    /** The requests that were logged between these times: milliseconds since 1970. */
    since: z.number(),
    until: z.number(),
    rules: DriftRules,
  }),
);

export type DriftCheckInput = z.input<typeof DriftCheckInput>;

export interface DriftVerdict {
  readonly rows: number;
  readonly isDrifted: boolean;
  readonly reason: string;
  /** The columns that differ most. */
  readonly worst: NonNullable<DriftRecord['worst']>;
  readonly quality?: DriftReport['quality'];
  /** The requests that were looked at. */
  readonly window?: Artifact;
}

/** The run that compares what is asked of a model with what its champion was trained on. */
export function driftCheck(model: string): PipelineDefinition {
  return pipeline(
    `${model}.drift`,
    { input: DriftCheckInput, description: `what is asked of ${model} against what its champion was trained on` },
    async ({ reference, referencePredictions, rules, ...asked }): Promise<DriftVerdict> => {
      const { artifact: window, rows } = await logged(asked);
      if (window === undefined) return { rows, isDrifted: false, reason: 'nothing was asked', worst: [] };
      const before = referencePredictions === undefined ? {} : { referencePredictions };
      const found = await checkDrift({ reference, window, ...before, rules });
      const { isDrifted, quality } = found;
      return { rows, isDrifted, reason: found.reason.slice(0, mostReason), worst: worstOf(found), quality, window };
    },
  );
}

function worstOf({ features, prediction }: DriftReport): DriftVerdict['worst'] {
  const worst = [...features.slice(0, 5), ...(prediction === undefined ? [] : [prediction])];
  return worst.map(({ name, psi, isDrifted }) => ({ name, isDrifted, ...(psi === undefined ? {} : { psi }) }));
}

function logged(asked: WindowRequest): Promise<LoggedWindow> {
  return scheduleActivity<LoggedWindow>(builtIn.window, [asked], {
    startToCloseTimeout: 600_000,
    heartbeatTimeout: 10_000,
    retry: { maximumAttempts: 10, maximumInterval: 60_000, nonRetryableErrorTypes: finalCodes },
    summary: `what was asked of version ${asked.version} of ${asked.model}`,
  });
}
