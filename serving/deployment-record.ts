import { join } from 'node:path';
import type { Deployment } from '../workflows/sdk/model/deployment.js';
import { type RecordedDeployments, readDeployments, writeDeployments } from './deployments-file.js';
import { isObject } from './inference-protocol.js';

/** The deployments on disk, by which the server goes on after a restart. */
export class DeploymentRecord {
  readonly #path: string;
  readonly #deployments: Map<string, Deployment>;
  #unreadable: RecordedDeployments['unreadable'];
  #writing: Promise<unknown> = Promise.resolve();

  private constructor(path: string, { deployments, unreadable }: RecordedDeployments) {
    this.#path = path;
    this.#deployments = new Map(deployments.map((deployment) => [deployment.model, deployment]));
    this.#unreadable = unreadable;
  }

  static async open(dataDir: string): Promise<DeploymentRecord> {
    const path = join(dataDir, 'serving', 'deployments.json');
    return new DeploymentRecord(path, await readDeployments(path));
  }

  get deployments(): readonly Deployment[] {
    return [...this.#deployments.values()];
  }

  /** Why entries could not be read; they stay in the file until their model is deployed again. */
  get problems(): readonly string[] {
    return this.#unreadable.map(({ reason }) => reason);
  }

  /** Writers take turns, and each writes what the ones before it recorded too. */
  put(deployment: Deployment): Promise<void> {
    const write = this.#writing.then(async () => {
      const next = new Map(this.#deployments);
      // Last in the file: the newest.
      next.delete(deployment.model);
      next.set(deployment.model, deployment);
      const unreadable = this.#unreadable.filter(
        ({ entry }) => !isObject(entry) || entry['model'] !== deployment.model,
      );
      await writeDeployments(this.#path, { deployments: [...next.values()], unreadable });
      this.#unreadable = unreadable;
      this.#deployments.set(deployment.model, deployment);
    });
    this.#writing = write.catch(() => undefined);
    return write;
  }
}
