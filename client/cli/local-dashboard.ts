import { CurveReader } from '../../activities/sdk/journal/read-curves.js';
import { readLines } from '../../activities/sdk/journal/read-run.js';
import type { ArtifactStore, Journal } from '../../activities/sdk/ports.js';
import { openStorage } from '../../activities/sdk/storage.js';
import { setVariable, unsetVariable, variableChanges } from '../../activities/sdk/variables.js';
import { isEvertrainError } from '../../workflows/sdk/errors.js';
import type { DashboardReader } from '../dashboard/context.js';
import { type DashboardServer, type DashboardServerOptions, startDashboard } from '../dashboard/start-dashboard.js';
import type { Evertrain } from '../evertrain.js';
import { searchJournal } from './log-search/search-journal.js';
import { previewOf } from './artifact-preview.js';
import { dashboardPages } from './dashboard-pages.js';
import { projectReader } from './project-reader.js';
import { viewOrRecord } from './run-record.js';
import { wholeStudies } from './studies.js';
import { variableRows } from './variable-rows.js';

/** Where people look for it, and where it is unless another process has taken the port. */
const usualPort = 8300;
const shownChanges = 50;

type Given = Omit<DashboardServerOptions, 'evertrain' | 'reader' | 'pages' | 'project' | 'log'>;

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
    curves: (workflowId, runId, steps) => {
      const curves = new CurveReader(journal, { workflowId, runId }, steps);
      return () => curves.next();
    },
    studies: (view) => wholeStudies(view, { runs: evertrain, journal, store }),
    search: (query, of) => searchJournal(evertrain, query, { ...of, dataDir }),
    preview: (artifact) => previewOf(store, artifact),
    variables: async (declared) => ({
      variables: await variableRows(declared, journal),
      changes: await variableChanges(journal, shownChanges),
    }),
    setVariable: (name, value, setBy) => setVariable(journal, { name, value, setBy, setAt: new Date().toISOString() }),
    unsetVariable: (name, by) => unsetVariable(journal, name, by),
  };
  const log = (line: string) => void process.stderr.write(`${line}\n`);
  const project = await projectReader(root, log);
  return startDashboard({
    ...given,
    ...(project === undefined ? {} : { project }),
    evertrain,
    reader,
    pages: await dashboardPages(),
    log,
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
