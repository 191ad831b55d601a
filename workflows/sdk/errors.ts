/**
 * Every error that Evertrain raises on purpose carries one of these codes. The family says whose turn it is: USER_ (fix
 * your code or data), SYSTEM_ (infrastructure, retried), GATE_ (a decision). docs/errors.md has a section for each code.
 *
 * Errors cross VM realms (the workflow sandbox) and the wire (as `ApplicationFailure.type`), so they are identified by
 * code and brand, never by message or `instanceof`.
 */
export const errorCodes = [
  'USER_INPUT_INVALID',
  'USER_OUTPUT_INVALID',
  'USER_ANSWER_INVALID',
  'USER_SIGNAL_INVALID',
  'USER_VARIABLE_INVALID',
  'USER_OPTION_UNKNOWN',
  'USER_OPTION_INVALID',
  'USER_NOT_SUPPORTED_YET',
  'USER_SCHEMA_ASYNC',
  'USER_NAME_INVALID',
  'USER_NAME_DUPLICATE',
  'USER_PIPELINE_UNKNOWN',
  'USER_STEP_UNKNOWN',
  'USER_STEP_NOT_IMPLEMENTED',
  'USER_RUN_UNKNOWN',
  'USER_RUN_EXISTS',
  'USER_RUN_CANCELLED',
  'USER_RUN_TERMINATED',
  'USER_MODEL_UNKNOWN',
  'USER_VERSION_UNKNOWN',
  'USER_STUDY_UNKNOWN',
  'USER_SCHEDULE_UNKNOWN',
  'USER_ASSET_UNKNOWN',
  'USER_RULE_UNKNOWN',
  'USER_APPROVAL_UNKNOWN',
  'USER_APPROVAL_ANSWERED',
  'USER_FAN_OUT_TOO_LARGE',
  'USER_PAYLOAD_TOO_LARGE',
  'USER_REQUEST_REFUSED',
  'USER_STUDY_FAILED',
  'USER_CODE_FAILED',
  'USER_JOB_FAILED',
  'USER_JOB_OUTPUT_INVALID',
  'USER_SAMPLER_FAILED',
  'USER_SENSOR_FAILED',
  'USER_CONNECTION_INVALID',
  'USER_QUERY_REFUSED',
  'USER_SECRET_MISSING',
  'USER_FILE_NOT_FOUND',
  'USER_STORE_SHARED',
  'USER_DATA_MALFORMED',
  'USER_OUTSIDE_PIPELINE',
  'USER_REPLAY_INCOMPATIBLE',
  'SYSTEM_ENGINE_MISSING',
  'SYSTEM_ENGINE_UNREACHABLE',
  'SYSTEM_ENGINE_INCOMPATIBLE',
  'SYSTEM_DATA_FOLDER_IN_USE',
  'SYSTEM_PORT_IN_USE',
  'SYSTEM_PYTHON_MISSING',
  'SYSTEM_PEER_MISSING',
  'SYSTEM_ARTIFACT_MISSING',
  'SYSTEM_ARTIFACT_DAMAGED',
  'SYSTEM_STORE_UNAVAILABLE',
  'SYSTEM_JOB_KILLED',
  'SYSTEM_NO_PROGRESS',
  'SYSTEM_FENCED',
  'SYSTEM_NOT_RECORDED',
  'SYSTEM_DEPLOY_FAILED',
  'SYSTEM_SERVER_UNREACHABLE',
  'SYSTEM_TOO_MANY_REQUESTS',
  'SYSTEM_FAILED',
  'GATE_REJECTED',
  'GATE_APPROVAL_TIMED_OUT',
  'GATE_SENSOR_TIMED_OUT',
] as const;

export type ErrorCode = (typeof errorCodes)[number];

export interface ErrorFacts {
  /** The offending value, shortened where it is long. */
  readonly value?: unknown;
  /** What to do next, as a sentence. */
  readonly remedy?: string;
  /** When a step that fails with it is to be tried again; instead of the delay that its policy has. */
  readonly retryAfterMs?: number;
  readonly cause?: unknown;
}

const brand = Symbol.for('evertrain.error');

/** What happened, with which value, and what to do next. `code` identifies it; the message ends with its docs section. */
export class EvertrainError extends Error {
  readonly [brand] = true;
  readonly code: ErrorCode;
  readonly value: unknown;
  readonly remedy: string | undefined;
  readonly retryAfterMs: number | undefined;

  constructor(code: ErrorCode, what: string, facts: ErrorFacts = {}) {
    super(
      `${what}${facts.remedy === undefined ? '' : ` ${facts.remedy}`} [${code}, see ${docsLink(code)}]`,
      facts.cause === undefined ? undefined : { cause: facts.cause },
    );
    this.name = 'EvertrainError';
    this.code = code;
    this.value = facts.value;
    this.remedy = facts.remedy;
    this.retryAfterMs = facts.retryAfterMs;
  }
}

export function isEvertrainError(error: unknown): error is EvertrainError {
  return typeof error === 'object' && error !== null && (error as { [brand]?: unknown })[brand] === true;
}

/** Where the code is explained. */
function docsLink(code: ErrorCode): string {
  return `docs/errors.md#${code.toLowerCase()}`;
}

/** A message without the code and link at its end, which a message around it, or a field beside it, tells already. */
export function withoutLink(message: string): string {
  return message.replace(/ \[[A-Z_]+, see docs\/errors\.md#[a-z_]+\]$/, '');
}

export function isErrorCode(text: unknown): text is ErrorCode {
  return (errorCodes as readonly unknown[]).includes(text);
}

/**
 * A final code is never retried: the same input gives the same answer. An exception from user code or a job may be a
 * passing fault (a network read, say), so those two are retried by the step's policy. So is SYSTEM_FENCED: the engine
 * heeds no attempt that it has given up, and when it still counts on this one (it was restored from a backup, the journal
 * is newer), the next attempts get past the fence.
 */
export function isFinal(code: ErrorCode): boolean {
  if (code === 'USER_CODE_FAILED' || code === 'USER_JOB_FAILED') return false;
  return !code.startsWith('SYSTEM_') || code === 'SYSTEM_PEER_MISSING';
}

/** A value shown in an error: JSON, at most 200 characters. */
export function show(value: unknown): string {
  let text: string | undefined;
  try {
    text = typeof value === 'function' ? `function ${value.name}` : JSON.stringify(value);
  } catch {
    text = undefined;
  }
  text ??= String(value);
  return text.length > 200 ? `${text.slice(0, 197)}...` : text;
}
