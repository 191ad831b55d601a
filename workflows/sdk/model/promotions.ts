import { ApplicationFailure, condition, isCancellation } from '@temporalio/workflow';
import { EvertrainError } from '../errors.js';
import { failureText, refusing, unlessCancelled } from '../failures.js';
import type { RunOutcome } from '../protocol.js';
import type { ModelBook } from './book.js';
import { deploy, servable } from './deploy.js';
import type { ModelState, ModelVersion } from './model-state.js';
import { promotionTerms } from './policy.js';
import {
  comparisonInput,
  decisionOf,
  fateOf,
  nextChallenger,
  promotable,
  promoted,
  rolledBack,
  withStage,
} from './state.js';
import type { ModelRollouts } from './rollouts.js';

interface Promotion {
  readonly version: ModelVersion;
  readonly reason: string;
  readonly isRollback?: boolean;
  /** Whatever stages the policy has. */
  readonly isAtOnce?: boolean;
  /** The champion when it was ordered. */
  readonly over: string | undefined;
  done: boolean;
  failure?: ApplicationFailure | undefined;
}

/**
 * What becomes of versions. Promotions are done one at a time: deploy first, and only what the model server took becomes
 * the champion. At most one challenger is compared at a time, the newest.
 */
export class ModelPromotions {
  private readonly ordered: Promotion[] = [];

  constructor(
    private readonly book: ModelBook,
    private readonly rollouts: ModelRollouts,
  ) {}

  get hasWork(): boolean {
    const { state } = this.book;
    const hasChallenger = state.versions.some(({ stage }) => stage === 'challenger');
    return this.ordered.length > 0 || (this.mayCompare && hasChallenger);
  }

  /** What is rolled out may become the champion: the next challenger is compared with that then. */
  private get mayCompare(): boolean {
    const { comparison, rollout } = this.book.state;
    return comparison === undefined && rollout === undefined;
  }

  async work(): Promise<void> {
    for (let next = this.ordered.shift(); next !== undefined; next = this.ordered.shift()) {
      next.failure = overtaken(this.book.state, next) ?? (await this.carryOut(next));
      next.done = true;
    }
    if (this.mayCompare) await this.compare();
  }

  /** A person's order, carried out in its turn; throws where the model server refused the version. */
  async order(wanted: Omit<Promotion, 'done' | 'over'>): Promise<void> {
    const promotion: Promotion = { ...wanted, over: this.book.state.champion, done: false };
    this.ordered.push(promotion);
    await condition(() => promotion.done);
    if (promotion.failure !== undefined) throw promotion.failure;
  }

  private async carryOut({
    version,
    reason,
    isRollback,
    isAtOnce,
  }: Promotion): Promise<ApplicationFailure | undefined> {
    const isInStages = isRollback !== true && isAtOnce !== true && this.rollouts.applies;
    if (isInStages) return this.rollouts.begin(version, reason);
    this.rollouts.end(version.version, `version ${version.version} was ${reason}`);
    return this.promote(version, reason, isRollback);
  }

  /** A new version, as the policy has it. */
  async consider(version: ModelVersion): Promise<void> {
    const { book } = this;
    const fate = fateOf(book.definition, book.policy, book.state, version);
    if (fate.kind === 'promote') await this.promote(version, fate.reason);
    else if (fate.kind === 'keep') book.state = withStage(book.state, version.version, 'candidate', fate.reason);
    else book.state = withStage(book.state, version.version, 'challenger', 'waits for its comparison');
  }

  private async compare(): Promise<void> {
    const { definition, policy, children } = this.book;
    const next = nextChallenger(this.book.state);
    if (next === undefined) return;
    const terms = promotionTerms(`model "${definition.name}"`, policy);
    const { version } = next.version;
    const run = definition.runs.comparison;
    if (run === undefined || terms === 'manual') {
      this.book.state = withStage(next.state, version, 'candidate', 'waits for a person to promote it');
      return;
    }
    const trigger = `${version}.${next.state.revision}`;
    const workflowId = `${run.name}/${trigger}`;
    const { champion } = next.state;
    const comparison = { trigger, workflowId, version, ...(champion === undefined ? {} : { champion }) };
    this.book.state = withStage({ ...next.state, comparison }, version, 'challenger', 'is being compared');
    const input = comparisonInput(this.book.state, next.version, terms);
    const summary = `version ${version} of model ${definition.name} against version ${champion ?? 'none'}`;
    await children.start({ trigger, workflowId, pipeline: run.name, input, summary }).catch(unlessCancelled);
  }

  async settleComparison(outcome: RunOutcome): Promise<void> {
    const { comparison, ...rest } = this.book.state;
    this.book.state = rest;
    const version = rest.versions.find((one) => one.version === comparison?.version);
    // A person has decided meanwhile; or there is another champion, against which it is compared anew.
    if (version?.stage !== 'challenger' || comparison?.champion !== rest.champion) return;
    const decision = decisionOf(outcome);
    if (decision.kind === 'undecided') {
      this.book.state = withStage(rest, version.version, 'candidate', decision.reason);
      return;
    }
    const stage = decision.kind === 'promote' ? 'challenger' : 'rejected';
    this.book.state = withStage(rest, version.version, stage, decision.reason, decision.facts);
    if (decision.kind !== 'promote') return;
    if (this.rollouts.applies) await this.rollouts.begin(version, decision.reason);
    else await this.promote(version, decision.reason);
  }

  /** A rollout that was held to its end leads to a promotion. */
  async settleRollout(outcome: RunOutcome): Promise<void> {
    const won = this.rollouts.settle(outcome);
    if (won !== undefined) await this.promote(won.version, won.reason);
  }

  /** Answers the failure when the model server refused the version; the champion stays then. */
  private async promote(
    { version }: ModelVersion,
    reason: string,
    isRollback = false,
  ): Promise<ApplicationFailure | undefined> {
    const { book } = this;
    book.state = { ...book.state, revision: book.state.revision + 1, promoting: version };
    try {
      if (book.definition.serve) await deployChampion(book.state, version);
      book.state = withoutPromoting(book.state);
    } catch (error) {
      book.state = withoutPromoting(book.state);
      if (isCancellation(error)) throw error;
      const why = `not deployed: ${failureText(error)}`;
      book.state = withStage(book.state, version, 'rejected', why);
      // It may have been a challenger until now.
      this.rollouts.serveChampionAlone();
      return ApplicationFailure.nonRetryable(`Version ${version} was ${why}`, 'SYSTEM_DEPLOY_FAILED');
    }
    const { restoring: _, ...settled } = book.state;
    book.state = settled;
    const become = isRollback ? rolledBack : promoted;
    book.state = become(book.state, version, reason);
    return undefined;
  }
}

/** Another promotion may have come first since it was ordered: to do it all the same would not do what was meant. */
function overtaken(state: ModelState, { version, isRollback, over }: Promotion): ApplicationFailure | undefined {
  try {
    refusing(() => {
      if (!isRollback) return promotable(state, version.version);
      if (state.champion === over) return undefined;
      const now = `Version ${state.champion} has become the champion of "${state.name}" meanwhile.`;
      throw new EvertrainError('USER_OPTION_INVALID', now, { remedy: 'Roll back again if you mean that one, too.' });
    });
    return undefined;
  } catch (error) {
    return error as ApplicationFailure;
  }
}

function withoutPromoting({ promoting: _, ...state }: ModelState): ModelState {
  return state;
}

async function deployChampion({ name, revision, versions }: ModelState, number: string): Promise<void> {
  const version = versions.find((one) => one.version === number) as ModelVersion;
  const summary = `deploy version ${number} of ${name}`;
  await deploy({ ...servable(version), model: name, revision }, { summary });
}
