import type { Peer } from './peer.js';

/** Each as it is installed, and as who is in a hurry would set it. */
export const peers: readonly Peer[] = [
  {
    name: 'Prefect',
    requirements: 'requirements-prefect.txt',
    script: 'prefect_arrival.py',
    settings: [
      ['as installed', 'default'],
      ['asked every second', '1'],
    ],
  },
  {
    name: 'Airflow',
    requirements: 'requirements-airflow.txt',
    script: 'airflow_arrival.py',
    settings: [
      ['as installed', 'default'],
      ['an idle scheduler sleeps 0.1 s', '0.1'],
    ],
  },
];
