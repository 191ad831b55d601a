import type { ApprovalAnswer, ApprovalRecord } from '../../workflows/sdk/approval-messages.js';
import type { CacheLookup } from '../../workflows/sdk/cache-messages.js';
import type { FanOutRecord, ItemsReport } from '../../workflows/sdk/fan-out-messages.js';
import type { GateRecord } from '../../workflows/sdk/gate.js';
import { retryTimer } from '../../workflows/sdk/light-record.js';
import { poolTimerSummary } from '../../workflows/sdk/pools/messages.js';
import { builtIn, memo, runMessages, searchAttributes } from '../../workflows/sdk/protocol.js';
import type { StudyRecord } from '../../workflows/sdk/search/study-record.js';
import { decodeFirst, decodeObject, decodePayload, durationToMillis, type HistoryEvent, toNumber } from './decode.js';
import { foldFanOut, foldItems } from './fan-outs.js';
import type { Facts, Occurrence } from './facts.js';
import { foldLight, groupsOf, type LocalActivityData } from './fold-light.js';
import { foldStudy } from './fold-study.js';

/** What a run writes about itself (memo, markers, search attributes), timers, and the messages that reach it. */
export function foldRecord(facts: Facts, occurrence: Occurrence): void {
  const { event } = occurrence;
  if (event.workflowPropertiesModifiedEventAttributes) foldMemo(facts, occurrence);
  else if (event.markerRecordedEventAttributes) foldMarker(facts, occurrence);
  else if (event.upsertWorkflowSearchAttributesEventAttributes) foldSearchAttributes(facts, event);
  else if (event.workflowExecutionSignaledEventAttributes) foldSignal(facts, occurrence);
  else if (event.workflowExecutionUpdateAcceptedEventAttributes) foldUpdate(facts, occurrence);
  else foldTimer(facts, occurrence);
}

function foldMemo(facts: Facts, { event, id, at }: Occurrence): void {
  const fields = event.workflowPropertiesModifiedEventAttributes?.upsertedMemo?.fields ?? {};
  const gate = decodeObject<GateRecord>(fields[memo.gate]);
  if (typeof gate?.name === 'string') facts.gates.push({ record: gate, at });
  const approval = decodeObject<ApprovalRecord>(fields[memo.approval]);
  if (typeof approval?.id === 'string') foldApproval(facts, approval, at);
  foldFanOut(facts.fanOuts, decodeObject<FanOutRecord>(fields[memo.fanOut]), at);
  foldStudy(facts.studies, decodeObject<StudyRecord>(fields[memo.study]), at);
  const reused = decodeObject<{ stepId: string; step: string }>(fields[memo.reused]);
  if (typeof reused?.stepId !== 'string') return;
  facts.steps.set(id, {
    id: reused.stepId,
    name: reused.step,
    groups: groupsOf(reused.stepId),
    scheduledAt: at,
    causes: facts.causes.answer(reused.stepId),
    end: { kind: 'reused', at, event: id },
  });
}

function foldApproval(facts: Facts, record: ApprovalRecord, at: number): void {
  const known = facts.approvals.get(record.id);
  if (known === undefined) {
    const node = `approval:${record.id}`;
    const causes = record.state === 'waiting' ? facts.causes.call() : facts.causes.answer(node);
    const settled = record.state === 'waiting' ? {} : { settledAt: at };
    facts.approvals.set(record.id, { record, askedAt: at, causes, ...settled });
    return;
  }
  if (record.state === 'timed-out') facts.causes.settle(`approval:${record.id}`);
  known.record = { ...known.record, ...record };
  if (record.state !== 'waiting') known.settledAt ??= at;
}

/** A local activity (a cache look-up, a light step) is written by the worker's core as a marker when it has ended. */
function foldMarker(facts: Facts, occurrence: Occurrence): void {
  const { event, id, at } = occurrence;
  const { markerName, details } = event.markerRecordedEventAttributes ?? {};
  if (markerName !== 'core_local_activity') return;
  const data = decodeFirst(details?.['data']) as LocalActivityData | null;
  if (data?.activity_type !== builtIn.cacheLookup) return foldLight(facts, occurrence, data);
  const found = decodeObject<CacheLookup>(details?.['result']?.payloads?.[0]);
  if (found?.hit !== true || typeof found.stepId !== 'string') return;
  const causes = facts.causes.answer(found.stepId);
  facts.steps.set(id, {
    id: found.stepId,
    name: found.step,
    groups: groupsOf(found.stepId),
    scheduledAt: at,
    causes: facts.waited.get(found.stepId) ?? causes,
    summary: event.userMetadata?.summary,
    end: { kind: 'cached', at, event: id, lookup: found },
  });
}

function foldSearchAttributes(facts: Facts, event: HistoryEvent): void {
  const fields = event.upsertWorkflowSearchAttributesEventAttributes?.searchAttributes?.indexedFields;
  const payload = fields?.[searchAttributes.waitingFor.name];
  if (!payload) return;
  const value = decodePayload(payload);
  facts.waitingFor = Array.isArray(value) ? value.map(String) : [];
}

function foldSignal(facts: Facts, { event, at }: Occurrence): void {
  const { signalName, input } = event.workflowExecutionSignaledEventAttributes ?? {};
  const name = signalName ?? '';
  // What follows from a place is caused by what asked for it.
  if (name === runMessages.granted) return;
  if (name === runMessages.items) return foldItems(facts.fanOuts, decodeObject<ItemsReport>(input?.payloads?.[0]));
  facts.signals.push({ name, at, payload: input?.payloads?.[0] });
  facts.causes.arrive(`signal:${name}#${facts.signals.length}`);
}

function foldUpdate(facts: Facts, { event, at }: Occurrence): void {
  const { acceptedRequest } = event.workflowExecutionUpdateAcceptedEventAttributes ?? {};
  if (acceptedRequest?.input?.name !== runMessages.approve) {
    return facts.causes.settle(`update:${acceptedRequest?.meta?.updateId ?? ''}`);
  }
  const given = decodeFirst(acceptedRequest.input.args) as Partial<ApprovalAnswer> | null;
  const known = given?.id === undefined ? undefined : facts.approvals.get(given.id);
  if (known === undefined || given === null) return;
  facts.causes.settle(`approval:${known.record.id}`);
  const actor = given.actor === undefined ? {} : { actor: given.actor };
  known.record = { ...known.record, state: 'answered', answer: given.answer, ...actor };
  known.settledAt ??= at;
}

function foldTimer(facts: Facts, { event, id, at }: Occurrence): void {
  const started = event.timerStartedEventAttributes;
  if (started) {
    const { summary } = event.userMetadata ?? {};
    const said = decodePayload(summary);
    if (said === retryTimer || said === poolTimerSummary) return;
    facts.timers.set(id, {
      id: started.timerId ?? '',
      startedAt: at,
      firesAt: at + durationToMillis(started.startToFireTimeout),
      causes: facts.causes.call(),
      summary,
    });
    return;
  }
  const fired = event.timerFiredEventAttributes;
  const ended = fired ?? event.timerCanceledEventAttributes;
  const timer = ended && facts.timers.get(toNumber(ended.startedEventId));
  if (!timer) return;
  timer.end = { at, kind: fired ? 'fired' : 'cancelled' };
  if (fired) facts.causes.arrive(`timer:${timer.id}`);
  else facts.causes.settle(`timer:${timer.id}`);
}
