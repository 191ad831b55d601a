import { readLines } from '../../activities/sdk/journal/read-run.js';
import type { ArtifactStore, Journal } from '../../activities/sdk/ports.js';
import { openStorage } from '../../activities/sdk/storage.js';
import { isEvertrainError } from '../../workflows/sdk/errors.js';
import type { Project } from '../../workflows/sdk/project.js';
import type { DashboardReader } from '../dashboard/dashboard-app.js';
import { type DashboardServer, type DashboardServerOptions, startDashboard } from '../dashboard/start-dashboard.js';
import type { Evertrain } from '../evertrain.js';
import { searchJournal } from './log-search/search-journal.js';
import { previewOf } from './artifact-preview.js';
import { dashboardPages } from './dashboard-pages.js';
import { loadProject, queuesOfProject } from './project-files.js';
import { viewOrRecord } from './run-record.js';

/** Where people look for it, and where it is unless another process has taken the port. */
const usualPort = 8300;

type Given = Omit<DashboardServerOptions, 'evertrain' | 'reader' | 'pages' | 'project' | 'queueNames' | 'log'>;

/** The dashboard over the storage of this process, and the project in a folder where there is one. */
export async function startLocalDashboard(
  { evertrain, journal, store }: { evertrain: Evertrain; journal: Journal; store: ArtifactStore },
  options: Given & { readonly root: string; readonly dataDir: string },
): Promise<DashboardServer> {
  const { root, dataDir, ...given } = options;
  const reader: DashboardReader = {
    run: (workflowId, runId) => viewOrRecord(evertrain, journal, workflowId, runId),
    lines: (workflowId, runId, { stepId, cursor }) =>
      readLines(journal, workflowId, runId, {
        ...(stepId === undefined ? {} : { stepId }),
        ...(cursor === undefined ? {} : { cursor }),
      }),
    search: (query, of) => searchJournal(evertrain, query, { ...of, dataDir }),
    preview: (artifact) => previewOf(store, artifact),
  };
  return startDashboard({
    ...given,
    ...(await projectOf(root)),
    evertrain,
    reader,
    pages: await dashboardPages(),
    log: (line) => void process.stderr.write(`${line}\n`),
  });
}

interface OwnDashboard {
  readonly evertrain: Evertrain;
  readonly dataDir: string;
  readonly root: string;
  readonly temporalUi: string | undefined;
  readonly say: (line: string) => void;
}

/**
 * The dashboard of whoever runs a whole system on this machine, for this machine. The system does not end where it cannot
 * be served; people are told.
 */
export async function startOwnDashboard({
  evertrain,
  dataDir,
  root,
  temporalUi,
  say,
}: OwnDashboard): Promise<DashboardServer | undefined> {
  const { journal, store } = openStorage(dataDir);
  const start = (port: number) =>
    startLocalDashboard(
      { evertrain, journal, store },
      {
        ...{ root, dataDir, port, host: '127.0.0.1', hosts: [], isReadOnly: false },
        actor: process.env['USER'] ?? 'somebody',
        ...(temporalUi === undefined ? {} : { temporalUi }),
      },
    );
  try {
    const server = await start(usualPort).catch((error: unknown) => {
      if (isEvertrainError(error) && error.code === 'SYSTEM_PORT_IN_USE') return start(0);
      throw error;
    });
    say(`Dashboard: ${server.address}`);
    return server;
  } catch (error) {
    say(`There is no dashboard: ${error instanceof Error ? error.message : String(error)}`);
    return undefined;
  }
}

/** A dashboard can be looked at from any folder. */
async function projectOf(root: string): Promise<{ project?: Project; queueNames: readonly string[] }> {
  try {
    return { project: await loadProject(root), queueNames: await queuesOfProject(root) };
  } catch (error) {
    if (isEvertrainError(error) && error.code === 'USER_FILE_NOT_FOUND') return { queueNames: [] };
    throw error;
  }
}
