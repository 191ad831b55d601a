import type { Contestant, Standing } from './contest.js';
import { type Peer, peerContestant } from './peer-system.js';

/** Each with its own server on loopback, SQLite and what makes it quick; a library in the process that calls it. */
const peers: readonly Peer[] = [
  {
    name: 'Airflow 3.3.2',
    how: 'API server, scheduler, DAG processor, LocalExecutor, SQLite, idle sleep 0.1 s',
    kind: 'server',
    requirements: 'requirements-airflow.txt',
    script: 'airflow_runs.py',
  },
  {
    name: 'Prefect 3.8.8',
    how: 'server, SQLite, the flow called in a process of its own',
    kind: 'server',
    requirements: 'requirements-prefect.txt',
    script: 'prefect_runs.py',
  },
  {
    name: 'Dagster 1.13.29',
    how: 'no server: job in the calling process, instance on SQLite',
    kind: 'library',
    requirements: 'requirements-dagster.txt',
    script: 'dagster_runs.py',
  },
];

export const peerContestants = (say: (line: string) => void): readonly Contestant[] =>
  peers.map((peer) => peerContestant(peer, say));

export const isAirflow = ({ contestant }: Standing) => contestant.name.startsWith('Airflow');
