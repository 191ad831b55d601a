import { type ChildProcess, spawn } from 'node:child_process';
import { packageFile } from '../../activities/sdk/jobs/package-file.js';
import { end } from './dev-builds.js';
import type { DevWorkerOrder } from './dev-messages.js';

type Place = Pick<DevWorkerOrder, 'address' | 'namespace' | 'dataDir' | 'root'> & { readonly port: string };

/** `evertrain events` of a development session, anew for each build whose project has rules. */
export class DevEvents {
  private child: ChildProcess | undefined;
  private line: Promise<void> = Promise.resolve();

  constructor(
    private readonly place: Place,
    private readonly say: (line: string) => void,
  ) {}

  restart(rules: number): Promise<void> {
    this.line = this.line.then(async () => {
      const former = this.child;
      this.child = undefined;
      if (former !== undefined) await end(former);
      if (rules > 0) this.child = this.start();
    });
    return this.line;
  }

  stop(): Promise<void> {
    return this.restart(0);
  }

  private start(): ChildProcess {
    const { address, namespace, dataDir, root, port } = this.place;
    const options = ['--address', address, '--namespace', namespace, '--data-dir', dataDir, '--port', port];
    const cli = packageFile('client/cli/evertrain.mjs');
    const child = spawn(process.execPath, [cli, 'events', ...options], {
      cwd: root,
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    child.once('exit', () => {
      if (this.child === child) this.say('Events are not taken until the next change.');
    });
    return child;
  }
}
