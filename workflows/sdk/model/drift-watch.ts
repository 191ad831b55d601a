import { EvertrainError, withoutLink } from '../errors.js';
import { failureText, unlessCancelled } from '../failures.js';
import { notice } from '../notice.js';
import type { RunOutcome } from '../protocol.js';
import type { ModelBook } from './book.js';
import type { DriftCheckInput, DriftVerdict } from './drift-check.js';
import { type DriftRule, type DriftTerms, driftTerms } from './drift-rule.js';
import type { ModelFeed } from './feed.js';
import type { DriftRecord, ModelState } from './model-state.js';
import { championOf } from './state.js';

const mostRecords = 20;

/** Has what is served compared with what it was trained on, again and again; drift starts a training. */
export class ModelDrift {
  private resolved: { readonly of: DriftRule; readonly terms: DriftTerms } | undefined;

  constructor(
    private readonly book: ModelBook,
    private readonly feed: ModelFeed,
  ) {}

  /** When the next check is due; undefined where none is to be made, or one is under way. */
  get dueAt(): number | undefined {
    const { state } = this.book;
    const { terms } = this;
    if (terms === undefined || state.driftCheck !== undefined || state.champion === undefined) return undefined;
    return state.drift === undefined ? 0 : state.drift.since + terms.everyMs;
  }

  async work(): Promise<void> {
    const { terms, dueAt } = this;
    if (terms === undefined || dueAt === undefined || dueAt > Date.now()) return;
    const { book } = this;
    const champion = championOf(book.state);
    // A champion is looked at when it has served for a while.
    if (book.state.drift === undefined || champion === undefined) return this.plan();
    if (champion.reference === undefined) {
      this.plan();
      return this.record({ version: champion.version, reason: 'its candidate names no `reference`' });
    }
    await this.check(terms, champion.version, champion.reference);
  }

  private async check(terms: DriftTerms, version: string, reference: DriftCheckInput['reference']): Promise<void> {
    const { book } = this;
    const run = book.definition.runs.driftCheck;
    if (run === undefined) return;
    const drift = driftOf(book.state);
    const trigger = `check-${drift.checks + 1}`;
    const workflowId = `${run.name}/${trigger}`;
    const until = Date.now();
    const first = drift.predictions?.version === version ? drift.predictions.artifact : undefined;
    const input: DriftCheckInput = {
      model: book.definition.name,
      version,
      reference,
      ...(first === undefined ? {} : { referencePredictions: first }),
      since: until - terms.windowMs,
      until,
      rules: terms.rules,
    };
    book.state = {
      ...book.state,
      drift: { ...drift, checks: drift.checks + 1, since: until },
      driftCheck: { trigger, workflowId, version },
    };
    const summary = `drift of what is asked of model ${book.definition.name}`;
    await book.children.start({ trigger, workflowId, pipeline: run.name, input, summary }).catch(unlessCancelled);
  }

  settle({ workflowId, result }: RunOutcome): void {
    const { book } = this;
    const { driftCheck, ...rest } = book.state;
    book.state = rest;
    if (driftCheck === undefined) return;
    const { version } = driftCheck;
    if (result.outcome !== 'completed') {
      const reason = result.outcome === 'failed' ? result.message : `gate "${result.gate}"`;
      return this.record({ version, workflowId, reason: `not checked: ${reason}` });
    }
    const { window, ...verdict } = result.output as DriftVerdict;
    // What a version answers at first is what its later answers are compared with.
    const drift = driftOf(book.state);
    if (window !== undefined && drift.predictions?.version !== version) {
      book.state = { ...book.state, drift: { ...drift, predictions: { version, artifact: window } } };
    }
    const isCurrent = version === book.state.champion;
    const training = verdict.isDrifted && isCurrent ? this.retrain() : undefined;
    this.record({ version, workflowId, ...verdict, ...(training === undefined ? {} : { training }) });
    if (!verdict.isDrifted) return;
    const { name } = book.state;
    const message = `what is asked of model "${name}" has drifted from what version ${version} was trained on: ${verdict.reason}; ${training ?? 'another version serves now'}`;
    notice({ kind: 'drift', pipeline: name, message, facts: { version, ...verdict } }).catch(() => undefined);
  }

  /** Answers what was done, in words. */
  private retrain(): string {
    const { terms, book } = this;
    const drift = driftOf(book.state);
    const now = Date.now();
    if (terms === undefined || !terms.retrains) return 'no training, as the policy has it';
    if (book.state.paused !== undefined) return 'no training: the model is paused';
    if (drift.retrainedAt !== undefined && now - drift.retrainedAt < terms.coolDownMs) {
      return 'no training: one was started not long ago';
    }
    try {
      this.feed.checkRetrainNow();
    } catch (error) {
      if (!(error instanceof EvertrainError)) throw error;
      return `no training: ${withoutLink(failureText(error))}`;
    }
    this.feed.ask();
    book.state = { ...book.state, drift: { ...drift, retrainedAt: now } };
    return 'a training was started';
  }

  private plan(): void {
    const { book } = this;
    book.state = { ...book.state, drift: { ...driftOf(book.state), since: Date.now() } };
  }

  private record(made: Omit<DriftRecord, 'at' | 'rows' | 'isDrifted'> & Partial<DriftRecord>): void {
    const { book } = this;
    const drift = driftOf(book.state);
    const record: DriftRecord = { at: new Date().toISOString(), rows: 0, isDrifted: false, ...made };
    book.state = { ...book.state, drift: { ...drift, records: [...drift.records, record].slice(-mostRecords) } };
  }

  /** Conditions ask for it at each event. */
  private get terms(): DriftTerms | undefined {
    const { definition, policy } = this.book;
    if (policy.drift === undefined || definition.runs.driftCheck === undefined) return undefined;
    if (this.resolved?.of !== policy.drift) {
      this.resolved = { of: policy.drift, terms: driftTerms(`model "${definition.name}"`, policy.drift) };
    }
    return this.resolved.terms;
  }
}

function driftOf({ drift }: ModelState): NonNullable<ModelState['drift']> {
  return drift ?? { since: 0, checks: 0, records: [] };
}
