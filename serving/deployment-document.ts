import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import { artifact, directoryMediaType } from '../workflows/sdk/artifact.js';
import { EvertrainError, show } from '../workflows/sdk/errors.js';
import type { Deployment } from '../workflows/sdk/protocol.js';

const name = z.string().regex(/^[^\p{Cc}]{1,200}$/u, '1 to 200 characters without control characters');

const schema = z.object({
  model: name,
  version: name,
  revision: z.int().nonnegative(),
  artifact: artifact().refine((a) => a.mediaType !== directoryMediaType, 'a model is one ONNX file, not a directory'),
  producedBy: z.object({ workflowId: z.string(), runId: z.string() }),
  golden: z
    .object({ request: z.unknown(), response: z.unknown(), tolerance: z.number().nonnegative().optional() })
    .optional(),
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
 * Whether `next` may replace `recorded`: revisions only grow, so a late or repeated message of an older promotion cannot
 * undo a newer one. The same deployment again is `same`; SYSTEM_FENCED otherwise.
 */
export function fence(recorded: Deployment | undefined, next: Deployment): 'same' | 'newer' {
  if (recorded === undefined || next.revision > recorded.revision) return 'newer';
  if (next.revision === recorded.revision && isDeepStrictEqual(identity(recorded), identity(next))) return 'same';
  const held = `revision ${recorded.revision} (version ${recorded.version})`;
  throw new EvertrainError(
    'SYSTEM_FENCED',
    `Revision ${next.revision} of ${next.model} is refused: the server holds ${held}.`,
    {
      value: next.revision,
      remedy: 'Promote again: each promotion gets a greater revision.',
    },
  );
}

/** Equal bytes are the same artifact, whoever wrote them first. */
function identity({ artifact: { sha256 }, ...rest }: Deployment): unknown {
  return JSON.parse(JSON.stringify({ ...rest, sha256 }));
}
