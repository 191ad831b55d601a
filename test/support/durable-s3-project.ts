import { vi } from 'vitest';
import { type DurableProject, durableProject } from './durable-project.js';
import { type S3Server, startS3Server } from './s3-server.js';

/** The durability fixture whose workers, and this process, keep artifacts and journal on an S3 server of its own. */
export interface DurableS3Project extends DurableProject {
  readonly s3: S3Server;
}

/** `close` also ends the server and takes its environment away. */
export async function durableS3Project(fixture?: 'durability' | 'resources'): Promise<DurableS3Project> {
  const s3 = await startS3Server();
  // Workers inherit the environment.
  for (const [name, value] of Object.entries(s3.env)) vi.stubEnv(name, value);
  const end = async () => {
    await s3.stop();
    vi.unstubAllEnvs();
  };
  const project = await durableProject(fixture).catch(async (error: unknown) => {
    await end();
    throw error;
  });
  return {
    ...project,
    s3,
    async close() {
      await project.close();
      await end();
    },
  };
}
