import { z } from 'zod';
import { approval, YesNo } from '../approval.js';
import { type Artifact, artifact, isArtifact } from '../artifact.js';
import type { PipelineDefinition, StepDefinition } from '../definitions.js';
import { EvertrainError, show } from '../errors.js';
import { fanOutSettled } from '../fan-out.js';
import { gate } from '../gate.js';
import type { PromotionTerms } from './policy.js';
import { checkBatchQuality, compareScores, QualityRules } from './steps.js';
import { pipeline } from '../pipeline.js';
import type { Step } from '../step.js';

/**
 * The runs that a model makes beside its trainings, as pipelines like any other: seen, approved, cancelled and recorded
 * the same way. Their gates are the model's decisions.
 */

/** Scores a version on a table: `perRow` holds one row for each of the table's, in its order. */
export type EvaluateStep = StepDefinition &
  ((input: { model: Artifact; data: Artifact }) => Promise<{ metrics: Record<string, number>; perRow: Artifact }>);

/**
 * Says why a batch is not to be trained on; no problems: it is good. Its input is `{ batch, reference? }`, a batch as it
 * arrived and the `reference` of the champion's candidate; its own schema checks them.
 */
export type QualityStep = StepDefinition & ((input: never) => Promise<{ problems: string[]; facts?: unknown }>);

const Side = z.lazy(() =>
  z.object({
    version: z.string(),
    model: artifact(),
    /** What its pipeline said. */
    metrics: z.record(z.string(), z.number()),
  }),
);

const ComparisonInput = z.lazy(() =>
  z.object({
    challenger: Side,
    champion: Side.optional(),
    heldOut: artifact(),
    terms: z.custom<PromotionTerms>(),
    /** What a person sees who decides. */
    evidence: z.record(z.string(), z.unknown()),
  }),
);

export type ComparisonInput = z.input<typeof ComparisonInput>;

/** Challenger against champion on the same rows. */
export interface ComparisonFacts {
  readonly metric: string;
  /** Version of the champion; absent for a first version. */
  readonly against?: string;
  readonly challenger: number;
  readonly champion?: number;
  /** How much better the challenger is, whatever the direction. */
  readonly gain?: number;
  /** With the confidence asked for the gain is at least so much. */
  readonly gainAtLeast?: number;
  readonly rows?: number;
  /** Of rows that are alike, where the scores tell them. */
  readonly groups?: number;
}

/** Why the challenger is promoted or not. */
export interface Verdict {
  readonly reason: string;
  readonly comparison?: ComparisonFacts;
}

/** The run that decides on a challenger; a gate that rejects is a no, with a verdict as its facts. */
export function comparison(model: string, evaluate: EvaluateStep): PipelineDefinition {
  return pipeline(
    `${model}.promotion`,
    { input: ComparisonInput, description: `challenger against champion of ${model}` },
    async ({ challenger, champion, heldOut, terms, evidence }): Promise<Verdict> => {
      const score = async ({ version, model: trained }: { version: string; model: Artifact }) =>
        scored(version, terms.metric, await evaluate({ model: trained, data: heldOut }));
      const [ours, theirs] = await Promise.all([score(challenger), champion && score(champion)]);
      const verdict =
        theirs === undefined || champion === undefined
          ? firstVersion(terms, ours)
          : await better(terms, champion.version, ours, theirs);
      if (terms.approval === undefined) return verdict;
      return approved(terms.approval, verdict, { ...evidence, ...shown(ours), version: challenger.version });
    },
  );
}

interface Scored {
  readonly value: number;
  readonly perRow: Artifact;
  readonly answer: Record<string, unknown>;
}

function scored(version: string, metric: string, answer: unknown): Scored {
  const { metrics, perRow } = (answer ?? {}) as { metrics?: Record<string, unknown>; perRow?: unknown };
  const value = metrics?.[metric];
  if (typeof value === 'number' && isArtifact(perRow)) return { value, perRow, answer: answer as Scored['answer'] };
  throw new EvertrainError(
    'USER_OUTPUT_INVALID',
    `\`evaluate\` answered for version ${version} ${show({ [`metrics.${metric}`]: value, perRow })}.`,
    { remedy: `It must answer { metrics: { ${metric}: number, … }, perRow: artifact }.` },
  );
}

function firstVersion({ metric, direction, firstVersion: bar }: PromotionTerms, { value }: Scored): Verdict {
  const facts = { metric, challenger: value };
  if (bar === undefined) return { reason: 'first version', comparison: facts };
  const isReached = direction === 'maximize' ? value >= bar : value <= bar;
  const limit = `${direction === 'maximize' ? 'at least' : 'at most'} ${short(bar)}`;
  const verdict = { reason: `first version: ${metric} ${short(value)}, ${limit} asked for`, comparison: facts };
  gate('good enough for a first version', isReached, verdict);
  return verdict;
}

async function better(terms: PromotionTerms, against: string, ours: Scored, theirs: Scored): Promise<Verdict> {
  const { metric, direction, threshold, confidence } = terms;
  const scores = { challenger: ours.perRow, champion: theirs.perRow };
  const { isBetter, groups, ...found } = await compareScores({ ...scores, metric, direction, threshold, confidence });
  const both = `${metric} ${short(found.challenger)} against the champion's ${short(found.champion)}`;
  const sure = `with ${confidence * 100} % confidence a gain of at least ${short(found.gainAtLeast)}`;
  const wanted = threshold < 0 ? `more than ${short(threshold)} suffices` : `more than ${short(threshold)} asked for`;
  const word = isBetter ? (threshold < 0 ? 'not worse' : 'better') : threshold < 0 ? 'may be worse' : 'not better';
  const drawn = groups === undefined ? '' : ` in ${groups} groups`;
  const reason = `${word}: ${both} on ${found.rows} fresh rows${drawn}, ${sure}, ${wanted}`;
  const grouped = groups === undefined ? {} : { groups };
  const verdict = { reason, comparison: { metric, against, ...found, ...grouped } };
  gate(threshold < 0 ? 'not worse than the champion' : 'better than the champion', isBetter, verdict);
  return verdict;
}

/** Id of the approval in the run that compares. */
export const promotionApproval = 'promote';

async function approved(
  { within, onTimeout = 'reject' }: NonNullable<PromotionTerms['approval']>,
  verdict: Verdict,
  evidence: Record<string, unknown>,
): Promise<Verdict> {
  const nobody = { approved: onTimeout === 'promote', comment: 'nobody answered in time' };
  const deadline = within === undefined ? {} : { within, onTimeout: nobody };
  const answer = await approval(promotionApproval, { answer: YesNo, facts: { ...evidence, ...verdict }, ...deadline });
  const comment = answer.comment === undefined ? '' : `: ${answer.comment}`;
  const reason = `${answer.approved ? 'approved' : 'declined'}${comment} (${verdict.reason})`;
  gate('approved', answer.approved, { ...verdict, reason });
  return { ...verdict, reason };
}

/** What `evaluate` answered, for people: its tables stay in the store. */
function shown({ answer: { perRow: _, ...rest } }: Scored): Record<string, unknown> {
  return JSON.stringify(rest).length > 20_000 ? { metrics: rest['metrics'] } : rest;
}

function short(value: number): string {
  return String(Number(value.toPrecision(4)));
}

const NewBatch = z.lazy(() =>
  z.object({
    id: z.string(),
    uri: z.string().optional(),
    artifact: artifact().optional(),
    rows: z.int(),
    attributes: z.record(z.string(), z.unknown()).optional(),
  }),
);

const BatchCheckInput = z.lazy(() =>
  z.object({
    batches: z.array(NewBatch),
    reference: artifact().optional(),
    rules: QualityRules.optional(),
  }),
);

export type BatchCheckInput = z.input<typeof BatchCheckInput>;

/** By batch: why it is not to be trained on. */
export interface BatchVerdict {
  readonly id: string;
  readonly problems: readonly string[];
}

/** The run that looks at new batches before they are trained on; what cannot be read at all is a problem too. */
export function batchCheck(model: string, own: QualityStep | undefined): PipelineDefinition {
  return pipeline(
    `${model}.data`,
    { input: BatchCheckInput, description: `new data of ${model} against what its champion was trained on` },
    async ({ batches, reference, rules }): Promise<BatchVerdict[]> => {
      const items = batches.map((batch) => ({ batch, ...(reference === undefined ? {} : { reference }) }));
      const settled = own
        ? await fanOutSettled(items, own as unknown as Step<z.ZodUnknown, undefined>, { name: 'batches' })
        : await fanOutSettled(items, checkBatchQuality, { with: { rules: rules ?? {} }, name: 'batches' });
      return settled.map((one, n) => ({ id: batches[n]?.id ?? '', problems: problemsOf(one) }));
    },
  );
}

function problemsOf(one: { status: string; value?: unknown; code?: string; message?: string }): string[] {
  if (one.status === 'fulfilled') {
    const { problems } = (one.value ?? {}) as { problems?: unknown };
    if (Array.isArray(problems)) return problems.slice(0, 20).map((problem) => String(problem).slice(0, 300));
    throw new EvertrainError('USER_OUTPUT_INVALID', `\`quality\` answered ${show(one.value)}.`, {
      remedy: 'It must answer { problems: string[] }.',
    });
  }
  if (one.code?.startsWith('USER_') && one.code !== 'USER_CODE_FAILED') return [String(one.message).slice(0, 300)];
  // Nobody could look: that says nothing about the data.
  throw new EvertrainError('SYSTEM_FAILED', `A batch could not be checked: ${one.message}`);
}
