import type { CacheClaim } from '../../../workflows/sdk/cache-messages.js';
import { claimsOf } from '../journal/keys.js';
import type { Journal } from '../ports.js';

/**
 * Which of several calls that need the same cached step does the work. A claim is a journal document, made by conditional
 * create, so exactly one call gets it. One that has ended without a result stays with `ended`, and whoever comes next
 * creates the number after it: of many that take over, one succeeds. The first is `claims/<cache key>`, as most stay the
 * only one and a folder costs; the others are `claims/<cache key>/00000002` and so on. A result takes the key's claims
 * away; it is in the cache before, so who claims after that looks there once more.
 *
 * Claims spare work and promise nothing: one that cannot be read counts as none, and none needs to outlive a power cut.
 */
export interface StepClaims {
  /** Claims the key for a call. Answers the claim of another call that has it; undefined where it is the call's own now. */
  take(key: string, call: Call): Promise<CacheClaim | undefined>;
  isHeld(key: string, claim: CacheClaim): Promise<boolean>;
  /** Ends a claim that led to no result. */
  end(key: string, claim: CacheClaim): Promise<void>;
  /** The call has ended: with `isDone` in a result, which settles the claims of all. */
  ended(key: string, call: Call, isDone: boolean): Promise<void>;
}

export type Call = Pick<CacheClaim, 'workflowId' | 'runId' | 'stepId'>;

export function stepClaims(journal: Journal): StepClaims {
  const read = async (key: string, number: number) => parseClaim(await journal.get(claimKey(key, number)));
  /** The newest claim and its number; a number alone for one that cannot be read, 0 for none. */
  const newest = async (key: string): Promise<{ number: number; claim?: StoredClaim | undefined }> => {
    const text = await journal.get(claimKey(key, 1));
    if (text === undefined) return { number: 0 };
    const first = parseClaim(text);
    if (first !== undefined && !first.ended) return { number: 1, claim: first };
    const number = lastNumber(await journal.list(claimsOf(key)));
    return { number, claim: await read(key, number) };
  };
  const claims: StepClaims = {
    async take(key, call) {
      for (;;) {
        const { number, claim } = await newest(key);
        if (claim !== undefined && !claim.ended) return isOf(claim, call) ? undefined : claim;
        const { workflowId, runId, stepId } = call;
        const mine: CacheClaim = { workflowId, runId, stepId, number: number + 1, at: Date.now() };
        if (!(await journal.create(claimKey(key, mine.number), JSON.stringify(mine), 'fleeting'))) continue;
        if (number > 1) await journal.delete(claimKey(key, number));
        return undefined;
      }
    },
    async isHeld(key, { number, ...call }) {
      const claim = await read(key, number);
      return claim !== undefined && !claim.ended && isOf(claim, call);
    },
    async end(key, claim) {
      await journal.put(claimKey(key, claim.number), JSON.stringify({ ...claim, ended: true }));
    },
    async ended(key, call, isDone) {
      if (isDone) return journal.delete(claimsOf(key));
      const { claim } = await newest(key);
      if (claim !== undefined && isOf(claim, call)) await claims.end(key, claim);
    },
  };
  return claims;
}

type StoredClaim = CacheClaim & { readonly ended?: boolean };

/** A claim as it was stored, `undefined` when the text is not one. */
export function parseClaim(text: string | undefined): StoredClaim | undefined {
  try {
    const claim = JSON.parse(text ?? 'null') as StoredClaim | null;
    const ids = [claim?.workflowId, claim?.runId, claim?.stepId];
    const isSound = ids.every((id) => typeof id === 'string') && Number.isInteger(claim?.number);
    return isSound && Number.isFinite(claim?.at) ? (claim as StoredClaim) : undefined;
  } catch {
    return undefined;
  }
}

function lastNumber(keys: readonly string[]): number {
  return keys.reduce((last, one) => Math.max(last, Number(/\/(\d{8})$/.exec(one)?.[1] ?? 1)), 0);
}

function claimKey(key: string, number: number): string {
  return number === 1 ? claimsOf(key) : `${claimsOf(key)}/${String(number).padStart(8, '0')}`;
}

function isOf(claim: Call, { workflowId, runId, stepId }: Call): boolean {
  return claim.workflowId === workflowId && claim.runId === runId && claim.stepId === stepId;
}
