import type { RunView } from '../../client/history/run-view.js';
import type { ModelState } from '../../workflows/sdk/protocol.js';
import { rival } from '../fixtures/durability/rival.js';
import type { DurableProject } from './durable-project.js';
import type { HeldModelServer } from './held-model-server.js';
import { checkLives, type ModelLife } from './model-lives.js';
import type { Diary, Skill } from './model-year.js';

export interface Audit {
  readonly batches: number;
  readonly trainings: Readonly<Record<string, number>>;
  readonly versions: number;
  readonly comparisons: number;
  readonly approvals: Readonly<Record<string, number>>;
  readonly promotions: number;
  readonly rollbacks: number;
  readonly used: number;
  readonly rejected: number;
  readonly lives: readonly ModelLife[];
  readonly failures: readonly string[];
}

interface Evidence {
  readonly diary: Diary;
  readonly now: ModelState;
  readonly asked: HeldModelServer['asked'];
  readonly served: string | undefined;
}

interface Made extends Skill {
  readonly workflowId: string;
  readonly fresh: number;
}

interface Compared {
  readonly version: string;
  readonly against: string | undefined;
  readonly isPromoted: boolean;
  readonly isFailed: boolean;
  isCarriedOut: boolean;
}

/**
 * Keeps the books of a model once more, from what the calendar did, what the model's runs say, and what the model server
 * was asked for, and says where the model's own differ.
 */
export async function audit(fixture: DurableProject, evidence: Evidence): Promise<Audit> {
  const { now, diary } = evidence;
  const { lives, failures } = await checkLives(fixture, rival.name, now);
  const ledger = new Ledger(evidence, [...failures]);
  const children = lives.flatMap((life) => life.children);
  ledger.holds(new Set(children).size === children.length, 'a run was started twice');
  const named = (prefix: string) => children.filter((id) => id.startsWith(prefix));
  const trainings = named(`${rival.pipeline.name}/${rival.name}/data-`);
  ledger.numbered(trainings, now.data?.trainings);
  ledger.numbered(named(`${rival.name}.data/check-`), now.data?.checks);
  const outcomes: Record<string, number> = {};
  for (const workflowId of trainings) {
    const view = await fixture.evertrain.attach(workflowId).view();
    outcomes[view.status.kind] = (outcomes[view.status.kind] ?? 0) + 1;
    ledger.trained(view);
  }
  const approvals: Record<string, number> = {};
  for (const workflowId of named(`${rival.name}.promotion/`)) {
    const view = await fixture.evertrain.attach(workflowId).view();
    for (const { state } of view.approvals) approvals[state] = (approvals[state] ?? 0) + 1;
    ledger.compared(view);
  }
  ledger.effects(fixture);
  ledger.promotions();
  ledger.close();
  return {
    batches: diary.batches.size,
    trainings: outcomes,
    versions: ledger.versions.size,
    comparisons: ledger.comparisons.length,
    approvals,
    promotions: ledger.promoted,
    rollbacks: diary.rollbacks,
    used: ledger.used.length,
    rejected: ledger.gone.size + diary.refused,
    lives,
    failures: ledger.failures,
  };
}

class Ledger {
  /** In the order in which they were used. */
  readonly used: string[] = [];
  /** Rejected by a gate, or dropped by a person. */
  readonly gone: Set<string>;
  readonly versions = new Map<string, Made>();
  readonly comparisons: Compared[] = [];
  promoted = 0;
  private champion: string | undefined;
  private former: string[] = [];
  private readonly stages = new Map<string, string>();
  private readonly attempts = new Map<string, number>();

  constructor(
    private readonly evidence: Evidence,
    readonly failures: string[],
  ) {
    this.gone = new Set(evidence.diary.dropped);
  }

  holds(isSo: boolean, what: string): void {
    if (!isSo) this.failures.push(what);
  }

  numbered(ids: readonly string[], count: number | undefined): void {
    const numbers = ids.map((id) => Number(/\d+$/.exec(id)?.[0])).join();
    const wanted = Array.from({ length: count ?? 0 }, (_, n) => n + 1).join();
    this.holds(
      numbers === wanted,
      `the runs ${ids[0]?.replace(/\d+$/, '')}… are numbered ${numbers}, not 1 to ${count}`,
    );
  }

  /** A training, in the order of their starts. */
  trained({ workflowId, input, status, steps }: RunView): void {
    const { ids, id } = input as { ids: string[]; id: string };
    const skill = this.evidence.diary.batches.get(ids.at(-1) ?? '');
    if (skill === undefined || id !== ids.at(-1)) return this.holds(false, `${workflowId} trained on ${ids.join()}`);
    const earlier = ids.filter((one) => this.used.includes(one));
    const fresh = ids.slice(earlier.length);
    const tail = earlier.length === 0 ? [] : this.used.slice(-earlier.length);
    const isWindow = ids.join() === [...tail, ...fresh].join() && new Set(ids).size === ids.length;
    this.holds(isWindow, `${workflowId} trained on ${ids.join()}, after ${tail.join()}`);
    this.holds(
      earlier.length === 0 || ids.length <= 12 || fresh.length > 12,
      `${workflowId} has a window of ${ids.length}`,
    );
    const lost = fresh.filter((one) => this.gone.has(one) || !this.evidence.diary.batches.has(one));
    this.holds(lost.length === 0, `${workflowId} trained on ${lost.join()}, which it should not have`);
    const wanted = skill.poor ? 'rejected' : skill.fails ? 'failed' : 'completed';
    this.holds([wanted, 'cancelled'].includes(status.kind), `${workflowId} is ${status.kind}, not ${wanted}`);
    for (const { attempt } of steps) {
      this.attempts.set(id, (this.attempts.get(id) ?? 0) + (typeof attempt === 'number' ? attempt : 1));
    }
    if (status.kind === 'rejected') for (const one of fresh) this.gone.add(one);
    if (status.kind !== 'completed') return;
    this.used.push(...fresh);
    this.versions.set(String(this.versions.size + 1), { ...skill, workflowId, fresh: fresh.length });
  }

  /** A comparison, in the order of their starts. */
  compared({ workflowId, input, status, approvals }: RunView): void {
    const { challenger, champion, terms } = input as {
      challenger: { version: string };
      champion?: { version: string };
      terms: { threshold: number; approval?: unknown };
    };
    const [ours, theirs] = [this.versions.get(challenger.version), this.versions.get(champion?.version ?? '')];
    if (ours === undefined || theirs === undefined) return this.holds(false, `${workflowId} compares unknown versions`);
    const gain = theirs.wrong - ours.wrong;
    const isBetter = terms.threshold < 0 ? gain >= -8 : gain >= 8;
    const [asked] = approvals;
    const word = this.evidence.diary.words.get(challenger.version);
    const isAsked = isBetter && terms.approval !== undefined;
    this.holds(isAsked === (asked !== undefined), `${workflowId}: a person was ${isAsked ? 'not ' : ''}asked`);
    const isYes = asked?.state === 'answered' && word === 'approve';
    this.holds(asked?.state !== 'answered' || word !== undefined, `${workflowId}: nobody gave the answer`);
    const isPromoted = isBetter && (!isAsked || isYes);
    const kinds = isPromoted ? ['completed'] : ['rejected'];
    this.holds(
      kinds.includes(status.kind),
      `${workflowId} is ${status.kind}: ${ours.wrong} against ${theirs.wrong} wrong`,
    );
    this.comparisons.push({
      version: challenger.version,
      against: champion?.version,
      isPromoted: status.kind === 'completed',
      isFailed: !['completed', 'rejected'].includes(status.kind),
      isCarriedOut: false,
    });
  }

  effects({ effects }: DurableProject): void {
    for (const [id, attempts] of this.attempts) {
      const [begun, done] = [effects.begun(`fit/${id}`), effects.count(`fit/${id}`)];
      const isOnce = begun <= attempts && done <= begun;
      this.holds(isOnce, `fit/${id} began ${begun} times and had ${done} effects in ${attempts} attempts`);
    }
  }

  /** What the model server was asked for, in order: each revision once, and each for a reason. */
  promotions(): void {
    const byRevision = new Map<number, { version: string; isTaken: boolean }>();
    let newest = 0;
    for (const { version, revision, isTaken } of this.evidence.asked) {
      this.holds(revision >= newest, `revision ${revision} was deployed after ${newest}`);
      newest = Math.max(newest, revision);
      const before = byRevision.get(revision);
      this.holds(before === undefined || before.version === version, `revision ${revision} is of two versions`);
      byRevision.set(revision, { version, isTaken: isTaken || before?.isTaken === true });
    }
    const revisions = [...byRevision.keys()];
    const wanted = Array.from({ length: this.evidence.now.revision }, (_, n) => n + 1);
    this.holds(revisions.join() === wanted.join(), `the revisions are ${revisions.join()}, not ${wanted.join()}`);
    let rollbacks = this.evidence.diary.rollbacks;
    for (const [revision, { version, isTaken }] of byRevision) {
      const made = this.versions.get(version);
      const found = this.comparisons.find(
        (one) => one.version === version && one.against === this.champion && one.isPromoted && !one.isCarriedOut,
      );
      const isFirst = this.champion === undefined && this.stages.size === 0;
      const isBack = found === undefined && !isFirst && version === this.former.at(-1) && rollbacks > 0;
      this.holds(
        isFirst || isBack || found !== undefined,
        `nothing explains revision ${revision}, version ${version} over ${this.champion} (before it ${this.former.join()})`,
      );
      this.holds(isTaken === (made?.broken !== true), `the model server took version ${version}: ${isTaken}`);
      if (found !== undefined) found.isCarriedOut = true;
      if (isBack) rollbacks--;
      if (isTaken) this.succeed(version, isBack);
      else this.stages.set(version, 'rejected');
    }
    this.holds(rollbacks === 0, `${rollbacks} rollbacks were not carried out`);
  }

  private succeed(version: string, isBack: boolean): void {
    const before = this.champion;
    this.promoted++;
    if (before !== undefined) this.stages.set(before, isBack ? 'rejected' : 'retired');
    if (isBack) this.former.pop();
    else if (before !== undefined) this.former.push(before);
    this.stages.set(version, 'champion');
    this.champion = version;
  }

  /** The model's state is what the books say. */
  close(): void {
    const { now, diary, served } = this.evidence;
    const same = (what: string, found: unknown, wanted: unknown) => {
      const [a, b] = [JSON.stringify(found), JSON.stringify(wanted)];
      this.holds(a === b, `${what}: the model says ${a}, the ledger ${b}`);
    };
    const placed = [...this.used, ...this.gone];
    const missing = [...diary.batches.keys()].filter((id) => !placed.includes(id));
    same('batches that are nowhere', missing, []);
    this.holds(new Set(placed).size === placed.length, 'a batch is in two places');
    const { counts, waiting, inTraining, quarantined } = now.data ?? {};
    same('open batches', [waiting, inTraining, quarantined], [[], [], []]);
    same('counts', counts, {
      received: diary.batches.size,
      duplicates: diary.duplicates,
      used: this.used.length,
      rejected: this.gone.size + diary.refused,
      rows: 5 * diary.batches.size,
    });
    same('versions', now.nextVersion - 1, this.versions.size);
    same('champion', [now.champion, served], [this.champion, this.champion]);
    same('former champions', now.former, this.former.slice(-50));
    const stale = this.comparisons.filter((one) => one.isPromoted && !one.isCarriedOut).length;
    this.holds(stale <= diary.rollbacks, `${stale} promotions were decided on and not carried out`);
    for (const { version, stage, run, data } of now.versions) {
      const made = this.versions.get(version);
      same(`run of version ${version}`, run.workflowId, made?.workflowId);
      same(`new batches of version ${version}`, data?.newBatches, made?.fresh);
      same(`stage of version ${version}`, stage, this.stages.get(version) ?? this.undeployed(version));
    }
  }

  private undeployed(version: string): string {
    const last = this.comparisons.findLast((one) => one.version === version);
    return last === undefined || last.isFailed ? 'candidate' : 'rejected';
  }
}
