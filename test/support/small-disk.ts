import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isErrno } from '../../activities/sdk/durable-files.js';

/** A file system of a test's own that can be full; a plain folder where this user or system may not mount one. */
export interface SmallDisk {
  readonly isMounted: boolean;
  readonly folder: string;
  /** Takes all space that is left. */
  fill(): Promise<void>;
  /** Gives it back. */
  free(): Promise<void>;
  remove(): Promise<void>;
}

/** Holds the mount while its standard input is open, so that it ends with the test however that ends. */
const holder =
  'mount -t tmpfs -o "size=$2" tmpfs "$1" || exit 1; echo mounted; cat > /dev/null; umount -l "$1"; rmdir "$1"';

/** Mounts a tmpfs of so many bytes. */
export async function smallDisk(sizeBytes: number): Promise<SmallDisk> {
  const folder = await mkdtemp(join(tmpdir(), 'evertrain-small-disk-'));
  const child = spawn('sh', ['-c', holder, 'sh', folder, String(sizeBytes)], {
    stdio: ['pipe', 'pipe', 'ignore'],
    detached: true,
  });
  const ended = once(child, 'exit');
  const [answer] = (await Promise.race([once(child.stdout, 'data'), ended])) as unknown[];
  const ballast = join(folder, 'ballast');
  return {
    isMounted: answer !== 1,
    folder,
    async fill() {
      const handle = await open(ballast, 'a');
      for (const size of [64 << 10, 4 << 10]) {
        for (let isFull = false; !isFull; ) {
          await handle.write(Buffer.alloc(size)).catch((error: unknown) => {
            if (!isErrno(error, 'ENOSPC')) throw error;
            isFull = true;
          });
        }
      }
      await handle.close();
    },
    free: () => rm(ballast, { force: true }),
    async remove() {
      child.stdin.end();
      await ended;
      await rm(folder, { recursive: true, force: true });
    },
  };
}
