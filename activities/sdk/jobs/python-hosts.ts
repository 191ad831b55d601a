import { jobEnvironment, sortedEntries } from './job-options.js';
import { PythonHost } from './python-host.js';

/** A host is replaced after so many jobs, or when it has grown by so much: what it imported may leak a little per fork. */
export interface HostLimits {
  readonly mostJobs: number;
  readonly mostGrowthKib: number;
}

/** What tells hosts apart: jobs that differ in one of these cannot share imports. */
export interface HostKey {
  readonly python: string;
  /** Variables beside the worker's own. */
  readonly env: Readonly<Record<string, string>>;
}

/** Programs by host, and who still needs it. */
interface Place {
  readonly scripts: Set<string>;
  readonly users: Set<object>;
  host: Promise<PythonHost> | undefined;
  /** How many of the scripts the host knew when it started. */
  known: number;
}

/** The warm hosts of this process: one per Python environment and environment variables, started when first needed. */
export class PythonHosts {
  private readonly places = new Map<string, Place>();

  constructor(private readonly limits: HostLimits = { mostJobs: 1_000, mostGrowthKib: 256 * 1024 }) {}

  /** A host for a job of the script, ready to fork. */
  async acquire(user: object, key: HostKey, scripts: Iterable<string>): Promise<PythonHost> {
    const place = this.place(key);
    place.users.add(user);
    for (const script of scripts) place.scripts.add(script);
    for (;;) {
      place.host ??= this.start(place, key);
      const host = await place.host;
      if (!this.isWornOut(host) && place.known === place.scripts.size) return host;
      // Jobs that it runs go on; it is closed when they are done.
      if (place.host !== undefined && (await place.host) === host) place.host = undefined;
      void retire(host);
    }
  }

  /** Closes the hosts that only this user needed. */
  async release(user: object): Promise<void> {
    const unused: Promise<unknown>[] = [];
    for (const [name, place] of this.places) {
      if (!place.users.delete(user) || place.users.size > 0) continue;
      this.places.delete(name);
      if (place.host !== undefined) unused.push(place.host.then((host) => host.close()).catch(() => undefined));
    }
    await Promise.all(unused);
  }

  private isWornOut(host: PythonHost): boolean {
    const { mostJobs, mostGrowthKib } = this.limits;
    return host.retired || host.started >= mostJobs || host.rss - host.firstRss > mostGrowthKib;
  }

  private place(key: HostKey): Place {
    const name = JSON.stringify([key.python, sortedEntries(key.env)]);
    let place = this.places.get(name);
    if (place === undefined) {
      place = { scripts: new Set(), users: new Set(), host: undefined, known: 0 };
      this.places.set(name, place);
    }
    return place;
  }

  private start(place: Place, { python, env }: HostKey): Promise<PythonHost> {
    const scripts = [...place.scripts];
    place.known = scripts.length;
    const starting = PythonHost.start({ python, env: pythonVariables(env), scripts }).catch((error: unknown) => {
      if (isSpawnError(error)) throw error;
      // An import may crash the whole process; then each job imports for itself, and says which.
      return PythonHost.start({ python, env: pythonVariables(env), scripts: [] });
    });
    starting.catch(() => {
      if (place.host === starting) place.host = undefined;
    });
    return starting;
  }
}

/** Hashes of strings order sets: jobs with equal seeds shall see equal orders. */
export function pythonVariables(env: Readonly<Record<string, string>> = {}): Record<string, string> {
  return jobEnvironment(env, { PYTHONHASHSEED: '0' });
}

async function retire(host: PythonHost): Promise<void> {
  host.retired = true;
  await host.idle();
  await host.close();
}

/** An error of starting the process at all. */
export function isSpawnError(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && (error as NodeJS.ErrnoException).syscall?.startsWith('spawn') === true;
}
