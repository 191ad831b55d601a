import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { PythonHosts } from '../../../../../activities/sdk/jobs/python-hosts.js';
import { eventually, pythonProject } from '../../../../support/python-project.js';

const key = { python: process.env.EVERTRAIN_PYTHON || 'python3', env: {} };

describe('PythonHosts', () => {
  it('replaces a host after so many jobs, lets it finish what it runs, and starts one for jobs that come together', async () => {
    const hosts = new PythonHosts({ mostJobs: 2, mostGrowthKib: 1 << 20 });
    const [first, same] = await Promise.all([hosts.acquire(hosts, key, []), hosts.acquire(hosts, key, [])]);
    expect(same).toBe(first);
    const jobs = await Promise.all([1, 2].map(() => first.run(Promise.resolve('/no/document'))));
    for (const job of jobs) [job.stdout, job.stderr].forEach((stream) => stream.resume());
    const second = await hosts.acquire(hosts, key, []);
    expect(second).not.toBe(first);
    expect((await Promise.all(jobs.map((job) => job.ended))).map(({ kind }) => kind)).toEqual(['exited', 'exited']);
    await eventually('the first host is retired and idle', 5_000, () => first.retired && first.running === 0);
    await hosts.release(hosts);
    expect(second.retired).toBe(true);
  });

  it('replaces a host that has grown by what its modules leak with each job, and none for what a job took', async () => {
    const project = await pythonProject();
    const megabytes = 'bytearray(b"x" * (24 << 20))';
    await project.write(
      'site-packages/leaky_module.py',
      `import os\nkept = []\nos.register_at_fork(after_in_parent=lambda: kept.append(${megabytes}))`,
    );
    await project.write(
      'site-packages/greedy_module.py',
      `import os\nkept = []\nos.register_at_fork(after_in_child=lambda: kept.append(${megabytes}))`,
    );
    const env = { PYTHONPATH: join(project.folder, 'site-packages') };
    const hosts = new PythonHosts({ mostJobs: 1_000, mostGrowthKib: 16 << 10 });
    const replaced: boolean[] = [];
    for (const name of ['leaky', 'greedy']) {
      const script = await project.write(`${name}.py`, `import ${name}_module`);
      const of = { ...key, env: { ...env, NAME: name } };
      const host = await hosts.acquire(hosts, of, [script]);
      expect(await hosts.acquire(hosts, of, [script])).toBe(host);
      const job = await host.run(Promise.resolve('/no/document'));
      for (const stream of [job.stdout, job.stderr]) stream.resume();
      await job.ended;
      replaced.push((await hosts.acquire(hosts, of, [script])) !== host);
    }
    expect(replaced).toEqual([true, false]);
    await hosts.release(hosts);
    await project.remove();
  });

  it('starts another host when a script is added, and shares it by environment variables', async () => {
    const hosts = new PythonHosts();
    const first = await hosts.acquire(hosts, key, ['/a.py']);
    expect(await hosts.acquire(hosts, key, ['/a.py'])).toBe(first);
    expect(await hosts.acquire(hosts, { ...key, env: { A: '1' } }, ['/a.py'])).not.toBe(first);
    expect(await hosts.acquire(hosts, key, ['/b.py'])).not.toBe(first);
    await hosts.release(hosts);
  });
});
