import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import { TestWorkflowEnvironment } from '@temporalio/testing';

/** A real Temporal server of this test's own, in memory, on a free loopback port. */
export function startTemporal(): Promise<TestWorkflowEnvironment> {
  const path = findTemporal();
  return TestWorkflowEnvironment.createLocal({
    server: {
      ...(path === undefined ? {} : { executable: { type: 'existing-path' as const, path } }),
      extraArgs: tuned.flatMap((value) => ['--dynamic-config-value', value]),
      searchAttributes: [
        { name: 'EvertrainPipeline', type: 'KEYWORD' },
        { name: 'EvertrainModel', type: 'KEYWORD' },
        { name: 'EvertrainOutcome', type: 'KEYWORD' },
        { name: 'EvertrainWaitingFor', type: 'KEYWORD_LIST' },
      ],
    },
  });
}

const tuned = [
  'history.transferProcessorMaxPollRPS=5000',
  'history.timerProcessorMaxPollRPS=5000',
  'history.visibilityProcessorMaxPollRPS=1000',
];

/** `EVERTRAIN_TEMPORAL_BIN`, else where Evertrain's set-up puts it, else on the PATH, else (undefined) the SDK's downloader. */
function findTemporal(): string | undefined {
  const onPath = (process.env['PATH'] ?? '').split(delimiter).map((folder) => join(folder, 'temporal'));
  const cache =
    process.env['EVERTRAIN_CACHE_DIR'] ?? join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'evertrain');
  const built = join(cache, 'temporal-1.5.1', 'temporal');
  return [process.env['EVERTRAIN_TEMPORAL_BIN'] ?? '', built, ...onPath].find(
    (path) => path !== '' && existsSync(path),
  );
}
