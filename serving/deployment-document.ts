import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import { artifact, directoryMediaType } from '../workflows/sdk/artifact.js';
import { EvertrainError, show } from '../workflows/sdk/errors.js';
import type { Deployment, Servable } from '../workflows/sdk/model/deployment.js';

const name = z.string().regex(/^[^\p{Cc}]{1,200}$/u, '1 to 200 characters without control characters');

const servable = {
  artifact: artifact().refine((a) => a.mediaType !== directoryMediaType, 'a model is one ONNX file, not a directory'),
  producedBy: z.object({ workflowId: z.string(), runId: z.string() }),
  golden: z
    .object({ request: z.unknown(), response: z.unknown(), tolerance: z.number().nonnegative().optional() })
    .optional(),
};

const schema = z
  .object({
    model: name,
    version: name,
    revision: z.int().nonnegative(),
    ...servable,
    stage: z.int().nonnegative().optional(),
    challenger: z
      .object({ version: name, ...servable, percent: z.number().min(0).max(100), isShadow: z.boolean().optional() })
      .optional(),
  })
  .refine(({ version, challenger }) => challenger?.version !== version, {
    path: ['challenger', 'version'],
    message: 'a challenger is another version than the promoted one',
  });

/** USER_INPUT_INVALID naming each wrong field. */
export function parseDeployment(document: unknown): Deployment {
  const parsed = schema.safeParse(document);
  if (parsed.success) return parsed.data as Deployment;
  const problems = parsed.error.issues.map((issue) => `${issue.path.join('.') || 'document'}: ${issue.message}`);
  throw new EvertrainError('USER_INPUT_INVALID', `This is not a deployment: ${problems.join('; ')}.`, {
    value: show(document),
  });
}

/**
 * Whether `next` may replace `recorded`: revisions only grow, and stages within a revision, so a late or repeated message
 * of an older promotion or rollout cannot undo a newer one. The same deployment again is `same`; SYSTEM_FENCED otherwise.
 */
export function fence(recorded: Deployment | undefined, next: Deployment): 'same' | 'newer' {
  if (recorded === undefined) return 'newer';
  const growth = next.revision - recorded.revision || stageOf(next) - stageOf(recorded);
  if (growth > 0) return 'newer';
  if (growth === 0 && isDeepStrictEqual(identity(recorded), identity(next))) return 'same';
  throw new EvertrainError(
    'SYSTEM_FENCED',
    `Revision ${placeOf(next)} of ${next.model} is refused: the server holds revision ${placeOf(recorded)} (version ${recorded.version}).`,
    {
      value: next.revision,
      remedy: 'Promote again: each promotion gets a greater revision.',
    },
  );
}

function stageOf({ stage = 0 }: Deployment): number {
  return stage;
}

function placeOf(deployment: Deployment): string {
  const stage = stageOf(deployment);
  return stage === 0 ? `${deployment.revision}` : `${deployment.revision}, stage ${stage}`;
}

/** Equal bytes are the same artifact, whoever wrote them first; a default that is written out is none the less one. */
function identity(deployment: Deployment): unknown {
  const { challenger, ...champion } = deployment;
  const compared = { ...bare(champion), stage: stageOf(deployment), challenger: undefined as unknown };
  if (challenger !== undefined) compared.challenger = { ...bare(challenger), isShadow: challenger.isShadow === true };
  return JSON.parse(JSON.stringify(compared));
}

function bare<T extends Servable>({ artifact: { sha256 }, ...rest }: T): object {
  return { ...rest, sha256 };
}
