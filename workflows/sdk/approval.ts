import { z } from 'zod';
import { answerSchemaOf } from './answer-schema.js';
import type { ApprovalAnswer, ApprovalRecord } from './approval-messages.js';
import { awaitable } from './awaitable.js';
import { type Duration, durationMs } from './duration.js';
import { EvertrainError, show } from './errors.js';
import { checkAnswerSize, checkFacts } from './json-size.js';
import { checkName, checkOptions } from './options.js';
import { memo } from './protocol.js';
import { type ApprovalBook, currentScope, nextId, type OpenApproval, type RunScope } from './run-scope.js';
import { type Decoded, decode, type Encoded, type Schema } from './schema.js';

/** The answer when an approval names no schema of its own. */
export const YesNo = z.strictObject({ approved: z.boolean(), comment: z.string().max(2000).optional() });
type YesNo = typeof YesNo;

export interface ApprovalOptions<S extends Schema | undefined> {
  /** What a valid answer looks like; default `{ approved: boolean, comment?: string }`. */
  readonly answer?: S;
  /** Small JSON that the person decides on; at most 100 KB. */
  readonly facts?: unknown;
  /** How long to wait; without it, for ever. */
  readonly within?: Duration;
  /** The answer to take when the time is over; without it the run fails with GATE_APPROVAL_TIMED_OUT. */
  readonly onTimeout?: Encoded<S extends Schema ? S : YesNo>;
}

/**
 * Waits for a person's typed answer. It comes as a Temporal update: a wrong one is refused at once, to the person who
 * gave it, and leaves no trace in the run; the first valid one counts.
 */
export function approval<S extends Schema | undefined = undefined>(
  name: string,
  options: ApprovalOptions<S> = {},
): Promise<Decoded<S extends Schema ? S : YesNo>> {
  return awaitable(answerOf(name, options));
}

async function answerOf<S extends Schema | undefined>(
  name: string,
  options: ApprovalOptions<S>,
): Promise<Decoded<S extends Schema ? S : YesNo>> {
  type Answer = Decoded<S extends Schema ? S : YesNo>;
  checkName('approval', name.replaceAll(/[ ?!,:]/g, '_'));
  checkOptions(`approval "${name}"`, options, ['answer', 'facts', 'within', 'onTimeout']);
  const scope = currentScope(`approval "${name}"`);
  const schema: Schema = options.answer ?? YesNo;
  checkFacts(`approval "${name}"`, options.facts);
  const id = nextId(scope, { prefix: 'approval:', groups: [] }, name).slice('approval:'.length);
  const check = (answer: unknown) => decode(schema, answer, 'USER_ANSWER_INVALID', `the answer to "${name}"`);

  const kept = scope.options.rerun?.approvals?.[id];
  if (kept !== undefined) {
    record(scope, id, name, { state: 'kept', answer: kept });
    return check(kept) as Answer;
  }
  const open = ask(scope, id, name, options, check);
  const withinMs = options.within === undefined ? undefined : durationMs(options.within, `approval "${name}": within`);
  await scope.host.wait(() => open.state === 'answered' || scope.rejected !== undefined, withinMs);
  if (scope.rejected !== undefined) throw scope.rejected;
  return settle(scope, id, open, options.onTimeout) as Answer;
}

function ask(
  scope: RunScope,
  id: string,
  name: string,
  options: Pick<ApprovalOptions<Schema | undefined>, 'answer' | 'facts' | 'within'>,
  check: (answer: unknown) => void,
): OpenApproval {
  const facts = options.facts === undefined ? {} : { facts: options.facts };
  const deadline =
    options.within === undefined ? {} : { deadlineMs: scope.host.now() + durationMs(options.within, 'within') };
  const { answer } = options;
  const asked = scope.host.approvals.size;
  const form = answer === undefined || answer === YesNo ? undefined : { answerSchema: answerSchemaOf(answer, asked) };
  const open: OpenApproval = { name, check, state: 'waiting', ...facts, ...deadline, ...form };
  scope.host.approvals.set(id, open);
  record(scope, id, name, { state: 'waiting', ...facts, ...deadline }, form);
  scope.host.waitingFor(waitingLabels(scope.host.approvals));
  scope.host.notify(scope, 'waiting-for-person', `"${name}" waits for an answer.`, options.facts);
  return open;
}

function settle(scope: RunScope, id: string, open: OpenApproval, onTimeout: unknown): unknown {
  if (open.state === 'waiting') open.state = 'timed-out';
  scope.host.waitingFor(waitingLabels(scope.host.approvals));
  if (open.state === 'answered') {
    const actor = open.actor === undefined ? {} : { actor: open.actor };
    record(scope, id, open.name, { state: 'answered', answer: open.answer, ...actor });
    return open.check(open.answer);
  }
  record(scope, id, open.name, { state: 'timed-out', ...(onTimeout === undefined ? {} : { answer: onTimeout }) });
  if (onTimeout !== undefined) return open.check(onTimeout);
  throw new EvertrainError('GATE_APPROVAL_TIMED_OUT', `Nobody answered "${open.name}" in time.`, {
    remedy: 'Start the run again, or give the approval an `onTimeout` answer.',
  });
}

function record(
  scope: RunScope,
  id: string,
  name: string,
  rest: Omit<ApprovalRecord, 'id' | 'name'>,
  form?: Pick<ApprovalRecord, 'answerSchema'>,
): void {
  scope.host.record(memo.approval, { id, name, ...rest } satisfies ApprovalRecord, form);
}

function waitingLabels(book: ApprovalBook): string[] {
  return [...book].filter(([, open]) => open.state === 'waiting').map(([id]) => `approval:${id}`);
}

/** The synchronous check of an answer; throws what the person should read. */
export function checkAnswer(book: ApprovalBook, given: ApprovalAnswer): OpenApproval {
  const open = book.get(given?.id);
  if (open === undefined) {
    const waiting = [...book].filter(([, other]) => other.state === 'waiting').map(([id]) => `"${id}"`);
    throw new EvertrainError('USER_APPROVAL_UNKNOWN', `This run asked for no approval ${show(given?.id)}.`, {
      value: given?.id,
      remedy: waiting.length === 0 ? 'It waits for none now.' : `It waits for: ${waiting.join(', ')}.`,
    });
  }
  if (open.state !== 'waiting') {
    throw new EvertrainError('USER_APPROVAL_ANSWERED', `Approval "${given.id}" is settled already (${open.state}).`, {
      value: given.id,
      remedy: 'The first answer counts; see `evertrain show`.',
    });
  }
  checkAnswerSize(given.id, given.answer);
  open.check(given.answer);
  return open;
}

export function acceptAnswer(book: ApprovalBook, given: ApprovalAnswer): { readonly recorded: true } {
  const open = checkAnswer(book, given);
  open.state = 'answered';
  open.answer = given.answer;
  if (given.actor !== undefined) open.actor = given.actor;
  return { recorded: true };
}
