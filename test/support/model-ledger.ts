import type { RunView } from '../../client/history/run-view.js';
import { text } from 'node:stream/consumers';
import { openStorage } from '../../activities/sdk/storage.js';
import type { ArchiveContent } from '../../workflows/sdk/model/archive.js';
import type { ModelState } from '../../workflows/sdk/model/model-state.js';
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
  readonly archived: { readonly versions: number; readonly batches: number };
  readonly lives: readonly ModelLife[];
  readonly failures: readonly string[];
}

interface Evidence {
  readonly diary: Diary;
  readonly now: ModelState;
  readonly archive: ArchiveContent;
  readonly asked: HeldModelServer['asked'];
  readonly served: string | undefined;
  /** The newest revision that had begun to be deployed when a run's end was told, by workflow id. */
  readonly ends: ReadonlyMap<string, number>;
}

interface Made extends Skill {
  readonly workflowId: string;
  readonly fresh: number;
}

interface Compared {
  readonly workflowId: string;
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
export async function audit(fixture: DurableProject, told: Omit<Evidence, 'archive' | 'ends'>): Promise<Audit> {
  const { now, diary } = told;
  const { lives, ends, failures } = await checkLives(fixture, rival.name, now);
  const archive = await archiveOf(fixture, now);
  const ledger = new Ledger({ ...told, archive, ends }, [...failures]);
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
    archived: { versions: archive.versions.length, batches: archive.batches.length },
    lives,
    failures: ledger.failures,
  };
}

async function archiveOf({ engine }: DurableProject, { archive }: ModelState): Promise<ArchiveContent> {
  if (archive === undefined) return { batches: [], versions: [] };
  const content = await text(await openStorage(engine.dataDir).store.open(archive.artifact));
  return JSON.parse(content) as ArchiveContent;
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
  /** The champion once a revision was deployed, or was refused. */
  private readonly championAt = new Map<number, string | undefined>([[0, undefined]]);
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
    const isOfSize = this.evidence.diary.onAll.has(id)
      ? earlier.length === this.used.length
      : earlier.length === 0 || ids.length <= 12 || fresh.length > 12;
    this.holds(isOfSize, `${workflowId} has a window of ${ids.length}, ${this.used.length} were used before`);
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
    const [ours, theirs] = [challenger, champion].map((side) => this.versions.get(side?.version ?? ''));
    const isKnown = ours !== undefined && (theirs === undefined) === (champion === undefined);
    if (!isKnown) return this.holds(false, `${workflowId} compares unknown versions`);
    // Where there is no champion, as after a first version that was refused, none is worse.
    const gain = theirs === undefined ? 200 : theirs.wrong - ours.wrong;
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
      `${workflowId} is ${status.kind}: ${ours.wrong} against ${theirs?.wrong ?? 'no champion’s'} wrong`,
    );
    this.holds(this.evidence.ends.has(workflowId), `${workflowId} did not tell its end`);
    this.comparisons.push({
      workflowId,
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
        (one) => one.version === version && one.isPromoted && !one.isCarriedOut && !this.isVoid(one),
      );
      const isFirst = found === undefined && this.champion === undefined;
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
      this.championAt.set(revision, this.champion);
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
    this.archived();
    same('champion', [now.champion, served], [this.champion, this.champion]);
    same('former champions', now.former, this.former.slice(-50));
    for (const [n, one] of this.comparisons.entries()) {
      const isDone = !one.isPromoted || one.isCarriedOut || this.isVoid(one);
      this.holds(isDone, `${one.workflowId} decided on a promotion that was not carried out`);
      const next = this.comparisons[n + 1]?.version ?? 0;
      this.holds(!this.isVoid(one) || Number(next) >= Number(one.version), `${one.workflowId} was not made up for`);
    }
    for (const { version, stage, run, data } of [...this.onlyArchived(), ...now.versions]) {
      const made = this.versions.get(version);
      same(`run of version ${version}`, run.workflowId, made?.workflowId);
      same(`new batches of version ${version}`, data?.newBatches, made?.fresh);
      same(`stage of version ${version}`, stage, this.stages.get(version) ?? this.undeployed(version));
    }
  }

  /** All versions and used batches are in the state or in the archive. */
  private archived(): void {
    const { now, archive } = this.evidence;
    const isOnce = new Set(archive.versions.map(({ version }) => version)).size === archive.versions.length;
    this.holds(isOnce, 'a version is archived twice');
    const numbers = [...this.onlyArchived(), ...now.versions].map(({ version }) => Number(version));
    const versions = numbers.sort((a, b) => a - b).join();
    this.holds(versions === [...this.versions.keys()].join(), `the versions here and archived are ${versions}`);
    const counted = [now.archive?.versions ?? 0, now.archive?.batches ?? 0];
    const found = [this.onlyArchived().length, archive.batches.length];
    this.holds(
      counted.join() === found.join(),
      `the archive is said to hold ${counted.join()}, and holds ${found.join()}`,
    );
    const used = [...archive.batches, ...(now.data?.used ?? [])].map(({ id }) => id).join();
    this.holds(used === this.used.join(), `the used batches here and archived are ${used}`);
  }

  private onlyArchived(): ModelState['versions'] {
    const { now, archive } = this.evidence;
    const here = new Set(now.versions.map(({ version }) => version));
    return archive.versions.filter(({ version }) => !here.has(version));
  }

  /** The champion changed before its run ended: its verdict says nothing of the one it would have to replace. */
  private isVoid({ workflowId, against }: Compared): boolean {
    return this.championAt.get(this.evidence.ends.get(workflowId) ?? 0) !== against;
  }

  private undeployed(version: string): string {
    const last = this.comparisons.findLast((one) => one.version === version);
    // What a verdict said that is void is compared anew, unless a newer version came.
    return last === undefined || last.isFailed || this.isVoid(last) ? 'candidate' : 'rejected';
  }
}
