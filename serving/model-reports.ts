import type { Challenger, Servable } from '../workflows/sdk/model/deployment.js';
import { type ModelSlot, stateOf } from './model-slot.js';
import type { ServedVersion } from './served-version.js';

/** What the server tells of its models: the list, and its health. */

/** One entry of `GET /evertrain/models`. A field is absent where there is nothing to say. */
export function modelEntry(slot: ModelSlot): object {
  const { name, recorded, split, problem } = slot;
  const deployment = split?.deployment ?? recorded;
  return {
    name,
    state: stateOf(slot),
    revision: deployment?.revision,
    stage: deployment && (deployment.stage ?? 0),
    ...(deployment && versionFacts(slot, deployment, split?.champion)),
    problem: problem?.reason,
    challenger: deployment?.challenger && challengerEntry(slot, deployment.challenger),
  };
}

function challengerEntry(slot: ModelSlot, challenger: Challenger): object {
  const { percent, isShadow = false } = challenger;
  const facts = versionFacts(slot, challenger, slot.split?.challenger);
  return { ...challengerHealth(slot, challenger), percent, isShadow, ...facts };
}

function versionFacts(slot: ModelSlot, { version, artifact, producedBy }: Servable, loaded?: ServedVersion): object {
  const counts = slot.counts.versions.get(version);
  const { loadedAt, batching } = loaded ?? {};
  const { requests = 0, errors = 0 } = counts ?? {};
  return { version, sha256: artifact.sha256, producedBy, loadedAt, requests, errors, batching };
}

interface VersionHealth {
  readonly name?: string;
  readonly version?: string | undefined;
  readonly state: ReturnType<typeof stateOf>;
  readonly reason?: string | undefined;
}

/** `GET /v2/health/ready`: of each version, the promoted ones and the challengers, whether it can answer or why not. */
interface Health {
  /** Everything on record was tried; what failed is told, and does not take the other models out of service. */
  readonly ready: boolean;
  readonly models: readonly VersionHealth[];
  /** Those of `models` that failed, and entries of the record that cannot be read. */
  readonly failed: readonly Pick<VersionHealth, 'name' | 'version' | 'reason'>[];
}

export function healthOf(slots: readonly ModelSlot[], unreadable: readonly string[]): Health {
  // A first deployment that is under way has nothing to be ready with, and may yet leave no trace.
  const recorded = slots.filter((slot) => slot.recorded !== undefined);
  const models = recorded.flatMap(versionsHealth);
  const failed = models.filter(({ state }) => state === 'failed').map(({ state: _, ...rest }) => rest);
  // A model that is loaded again for a request takes no server out of service.
  const ready = recorded.every(({ split, problem, isUnloaded }) => split ?? problem ?? isUnloaded);
  return { ready, models, failed: [...failed, ...unreadable.map((reason) => ({ reason }))] };
}

function versionsHealth(slot: ModelSlot): readonly VersionHealth[] {
  const { name, problem, recorded, split } = slot;
  const { version, challenger } = split?.deployment ?? recorded ?? {};
  const champion = { name, version, state: stateOf(slot), reason: problem?.reason };
  return challenger === undefined
    ? [champion]
    : [champion, { name, version: challenger.version, ...challengerHealth(slot, challenger) }];
}

function challengerHealth(slot: ModelSlot, { version }: Challenger): VersionHealth {
  const { split } = slot;
  if (split?.problem !== undefined) return { state: 'failed', reason: split.problem };
  if (split === undefined) return { state: stateOf(slot), reason: slot.problem && `version ${version} was not tried` };
  return { state: 'ready', reason: undefined };
}
