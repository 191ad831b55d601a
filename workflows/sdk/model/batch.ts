import { type Artifact, artifact as artifactSchema, isArtifact } from '../artifact.js';
import { EvertrainError, show } from '../errors.js';
import { jsonLength } from '../json-size.js';
import { decode, type Schema } from '../schema.js';

/** Data that has arrived, where it lies: at `uri` or as `artifact`. */
export interface Batch {
  /** Its sender's name for it: a second one of the same id is ignored. 1 to 200 characters. */
  readonly id: string;
  readonly uri?: string;
  readonly artifact?: Artifact;
  readonly rows: number;
  /** When its data came about, as the sender says; epoch milliseconds. Default: when it arrived. */
  readonly at?: number;
  /** Small facts, at most 1,000 bytes of JSON. */
  readonly attributes?: Readonly<Record<string, unknown>>;
}

/** A batch as a model keeps it. */
export interface KnownBatch extends Batch {
  /** When the model took it; epoch milliseconds. */
  readonly receivedAt: number;
}

const maxAttributesBytes = 1_000;
const maxUriLength = 1_000;

/** USER_SIGNAL_INVALID where it is no batch, or not one as the model's schema wants it. `what` begins the message. */
export function checkBatch(
  model: string,
  event: Schema | undefined,
  given: unknown,
  what = `a batch for model "${model}"`,
): Batch {
  const batch = (typeof given === 'object' && given !== null ? given : {}) as Partial<Batch>;
  const { id, uri, artifact, rows, at, attributes } = batch;
  const wrong = (field: string, value: unknown, remedy: string) =>
    new EvertrainError(
      'USER_SIGNAL_INVALID',
      `${what[0]?.toUpperCase()}${what.slice(1)} has ${field} ${show(value)}.`,
      {
        value,
        remedy,
      },
    );
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is refused.
  if (typeof id !== 'string' || !/^[^\u0000-\u001f\u007f]{1,200}$/.test(id)) {
    throw wrong('the id', id, 'Use 1 to 200 characters, none of them a control character.');
  }
  if ((uri === undefined) === (artifact === undefined)) {
    throw wrong('a uri and an artifact', { uri, artifact }, 'Give one of them: where the data lies.');
  }
  if (uri !== undefined && (typeof uri !== 'string' || uri === '' || uri.length > maxUriLength)) {
    throw wrong('the uri', uri, `Use a text of 1 to ${maxUriLength} characters.`);
  }
  if (artifact !== undefined && !isReference(artifact)) throw wrong('the artifact', artifact, 'Pass a reference.');
  if (!Number.isSafeInteger(rows) || (rows as number) < 0) throw wrong('rows', rows, 'Use a whole number from 0.');
  if (at !== undefined && !Number.isFinite(at)) throw wrong('the time', at, 'Use epoch milliseconds.');
  if (
    attributes !== undefined &&
    (typeof attributes !== 'object' || attributes === null || Array.isArray(attributes))
  ) {
    throw wrong('attributes', attributes, 'Use an object.');
  }
  if (jsonLength(attributes) > maxAttributesBytes) {
    throw wrong('attributes of bytes', jsonLength(attributes), `Use at most ${maxAttributesBytes} bytes of JSON.`);
  }
  decode(event, given, 'USER_SIGNAL_INVALID', what);
  return {
    id,
    rows: rows as number,
    ...(uri === undefined ? {} : { uri }),
    ...(artifact === undefined ? {} : { artifact: artifactSchema().parse(artifact) }),
    ...(at === undefined ? {} : { at }),
    ...(attributes === undefined ? {} : { attributes }),
  };
}

function isReference(value: unknown): value is Artifact {
  return isArtifact(value) && artifactSchema().safeParse(value).success;
}
