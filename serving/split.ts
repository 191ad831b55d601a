import { randomUUID } from 'node:crypto';
import { EvertrainError, withoutLink } from '../workflows/sdk/errors.js';
import type { Deployment } from '../workflows/sdk/model/deployment.js';
import { answerProblem, rowProblem } from './answer-check.js';
import { decodeRequest, encodeResponse, type InferenceRequest } from './inference-protocol.js';
import type { ModelCounts } from './live-counts.js';
import type { LoadedVersions } from './load-version.js';
import type { Observer } from './observer.js';
import { belongsToShare } from './routing.js';
import type { ServedVersion } from './served-version.js';
import { rowsOf, type Tensor } from './tensor.js';

/**
 * Who answers for a model now: the promoted version, and during a rollout a challenger for its share. A split is never
 * changed: another deployment makes another split, which takes the new requests by one assignment, and may share loaded
 * versions with this one.
 *
 * A challenger's error costs nobody: what it fails on, the promoted version answers. As a shadow it computes its share
 * after the answer has gone, and nobody hears it.
 */

/** Most requests that wait for a shadow; more are left out, and counted. */
const maxShadows = 64;

/** What a request says beside its body. */
export interface Asking {
  /** Goes to this version, whatever its share. */
  readonly version?: string | undefined;
  /** Requests of one key go to one version as long as the share does not change. */
  readonly key?: string | undefined;
}

interface Request extends InferenceRequest {
  readonly id: string;
  readonly key: string | undefined;
  /** Milliseconds since 1970. */
  readonly at: number;
  /** By the monotonic clock: when the version that is asked began to owe an answer. */
  readonly fromMs: number;
}

interface Outcome {
  /** Absent where there is none to give. */
  readonly response?: string;
  readonly error?: unknown;
}

export class Split {
  readonly deployment: Deployment;
  readonly champion: ServedVersion;
  readonly challenger: ServedVersion | undefined;
  /** Why the challenger of the deployment does not serve. */
  readonly problem: string | undefined;
  readonly #counts: ModelCounts;
  readonly #observer: Observer | undefined;

  constructor(deployment: Deployment, loaded: LoadedVersions, counts: ModelCounts, observer?: Observer) {
    this.deployment = deployment;
    this.champion = loaded.champion;
    this.challenger = loaded.challenger;
    this.problem = loaded.problem;
    this.#counts = counts;
    this.#observer = observer;
    for (const { version } of this.versions) counts.of(version);
  }

  get versions(): readonly ServedVersion[] {
    return this.challenger === undefined ? [this.champion] : [this.champion, this.challenger];
  }

  /**
   * The protocol's response document to a request document. Must be called in the same turn in which the split was found.
   * USER_INPUT_INVALID for what does not fit the model or it cannot compute with; SYSTEM_SERVER_UNREACHABLE when too many
   * requests wait.
   */
  async infer(body: unknown, asking: Asking): Promise<string> {
    const { versions, champion, challenger } = this;
    for (const version of versions) version.hold();
    try {
      const named = versions.find(({ version }) => version === asking.version);
      const isChosen = named === undefined && this.#isChosen(asking.key);
      const isShadow = this.deployment.challenger?.isShadow === true;
      if (isChosen && challenger !== undefined && !isShadow && !challenger.isFull) {
        return await this.#answerByChallenger(challenger, this.#request(body, asking));
      }
      const asked = named ?? champion;
      this.#refuseWhenFull(asked);
      const request = this.#request(body, asking);
      const outcome = await this.#compute(asked, request, false);
      if (isChosen && isShadow && challenger !== undefined) this.#shadow(challenger, request);
      return answerOf(outcome);
    } finally {
      for (const version of versions) version.letGo();
    }
  }

  #isChosen(key: string | undefined): boolean {
    const { model, challenger } = this.deployment;
    if (this.challenger === undefined || challenger === undefined) return false;
    return belongsToShare(challenger.percent, model, key);
  }

  /** Checked against the promoted version's signature, which is the challenger's too. */
  #request(body: unknown, { key }: Asking): Request {
    const [fromMs, at] = [performance.now(), Date.now()];
    const decoded = decodeRequest(body, this.champion);
    return { ...decoded, id: decoded.id ?? randomUUID(), key, at, fromMs };
  }

  #refuseWhenFull({ isFull, inFlight, version }: ServedVersion): void {
    if (isFull) throw overloaded(`${this.deployment.model} version ${version}`, inFlight);
  }

  async #answerByChallenger(challenger: ServedVersion, request: Request): Promise<string> {
    const outcome = await this.#compute(challenger, request, false);
    if (outcome.error === undefined) return answerOf(outcome);
    // However many wait for the champion: this request has been taken.
    return answerOf(await this.#compute(this.champion, { ...request, fromMs: performance.now() }, false));
  }

  /** In a turn of its own, when the answer is with the socket. */
  #shadow(challenger: ServedVersion, request: Request): void {
    if (challenger.inFlight >= maxShadows) {
      this.#counts.of(challenger.version).shadowsDropped++;
      return;
    }
    challenger.hold();
    challenger.inFlight++;
    setImmediate(() => {
      challenger.inFlight--;
      void this.#compute(challenger, { ...request, fromMs: performance.now() }, true).finally(() => challenger.letGo());
    });
  }

  /** Never throws: what goes wrong is counted, told, and handed back. */
  async #compute(version: ServedVersion, request: Request, isShadow: boolean): Promise<Outcome> {
    const outcome: { response?: string; error?: unknown } = {};
    let outputs: ReadonlyMap<string, Tensor> | undefined;
    try {
      outputs = await version.infer(request.inputs, request.outputs);
      outcome.error = this.#problemOf(version, request, outputs);
      const model = { name: this.deployment.model, version: version.version };
      if (!isShadow) outcome.response = encodeResponse(model, request.id, outputs);
    } catch (error) {
      outcome.error = error;
    }
    const latencyMs = performance.now() - request.fromMs;
    this.#counts.of(version.version).add(latencyMs, outcome.error !== undefined);
    this.#tell(version, request, { latencyMs, isShadow, outputs, error: outcome.error });
    return outcome;
  }

  /** A challenger must answer each row, unless the promoted version is known not to. */
  #problemOf(version: ServedVersion, request: Request, outputs: ReadonlyMap<string, Tensor>): string | undefined {
    const problem = answerProblem(version.outputs, outputs);
    if (problem !== undefined || !version.hasFreeRows) return problem;
    const [rows = 1, ...others] = Array.from(request.inputs.values(), rowsOf);
    if (others.some((other) => other !== rows)) return undefined;
    const varying = rowProblem(rows, outputs);
    if (varying === undefined) return undefined;
    if (version === this.champion) version.rowsVary = true;
    return this.champion.rowsVary ? undefined : varying;
  }

  #tell(
    { version }: ServedVersion,
    { id, key, at, inputs }: Request,
    { latencyMs, isShadow, outputs, error }: Told,
  ): void {
    this.#observer?.tell({
      ...{ id, model: this.deployment.model, version, at, latencyMs, isShadow, inputs },
      ...(key === undefined ? {} : { key }),
      ...(error === undefined ? (outputs === undefined ? {} : { outputs }) : { error: wordsOf(error) }),
    });
  }

  /** Ends when what this split answers by, and `other` does not, is answered and freed. */
  async retireBeside(other: Split | undefined): Promise<void> {
    const gone = this.versions.filter((version) => !other?.versions.includes(version));
    await Promise.all(gone.map((version) => version.retire()));
  }
}

interface Told {
  readonly latencyMs: number;
  readonly isShadow: boolean;
  readonly outputs: ReadonlyMap<string, Tensor> | undefined;
  readonly error: unknown;
}

/** SYSTEM_SERVER_UNREACHABLE for a request beyond those that may wait. */
export function overloaded(what: string, waiting: number): EvertrainError {
  return new EvertrainError('SYSTEM_SERVER_UNREACHABLE', `${waiting} requests wait for ${what}, as many as may.`, {
    value: waiting,
    remedy: 'Ask again in a second.',
  });
}

/** The promoted version's answer is given even where it was counted as an error, if JSON can carry it. */
function answerOf({ response, error }: Outcome): string {
  if (response === undefined) throw error;
  return response;
}

function wordsOf(error: unknown): string {
  return withoutLink(error instanceof Error ? error.message : String(error));
}
