import type { ModelVersion } from '../../../workflows/sdk/model/model-state.js';
import type { RunView } from '../../history/run-view.js';

export interface Row {
  readonly part: string;
  readonly name: string;
  readonly a: string | number | undefined;
  readonly b: string | number | undefined;
  readonly isSame: boolean;
}

/** All that is recorded of two runs, leaf by leaf. Data is compared by its digest. Durations: milliseconds. */
export function comparedRuns(a: RunView, b: RunView): Row[] {
  return rowsOf([
    ['run', headOf(a), headOf(b)],
    ['input', a.input, b.input],
    ['metrics', metricsOf(a), metricsOf(b)],
    ['durations', durationsOf(a), durationsOf(b)],
    ['output', a.output, b.output],
    ['provenance', a.provenance, b.provenance],
  ]);
}

/** A version of a model, and the run that made it where it is still known. */
export interface MadeVersion {
  readonly version: ModelVersion;
  readonly run: RunView | undefined;
}

/** The same of two versions: what they are first, then how their runs differ, whose output they are. */
export function comparedVersions({ version: a, run }: MadeVersion, { version: b, run: other }: MadeVersion): Row[] {
  const own = rowsOf([
    [
      'version',
      { stage: a.stage, reason: a.reason, registered: a.registeredAt },
      { stage: b.stage, reason: b.reason, registered: b.registeredAt },
    ],
    ['metrics of the version', a.metrics, b.metrics],
    ['parameters', a.parameters, b.parameters],
    ['data', dataOf(a), dataOf(b)],
  ]);
  return run === undefined || other === undefined
    ? own
    : [...own, ...comparedRuns(run, other).filter(({ part }) => part !== 'output')];
}

/** By digest: what it was trained and judged on, and the model itself. */
function dataOf({ artifact, trained, heldOut, reference, lineage, data }: ModelVersion) {
  const artifacts = { model: artifact, trained, 'held out': heldOut, reference, ...lineage };
  const digests = Object.entries(artifacts).map(([name, of]) => [`${name} (sha256)`, of?.sha256] as const);
  return { ...Object.fromEntries(digests), ...data };
}

function rowsOf(tables: ReadonlyArray<readonly [part: string, a: unknown, b: unknown]>): Row[] {
  return tables.flatMap(([part, of, other]) => {
    const left = leaves(of);
    const right = leaves(other);
    return [...new Set([...left.keys(), ...right.keys()])].map((name): Row => {
      return { part, name, a: left.get(name), b: right.get(name), isSame: left.get(name) === right.get(name) };
    });
  });
}

function headOf({ pipeline, status, seed, workerVersion, planned }: RunView) {
  const logicalDate = planned === undefined ? undefined : new Date(planned.logicalDate).toISOString();
  return { pipeline, status: status.kind, seed, buildId: workerVersion?.buildId, logicalDate };
}

function metricsOf({ steps }: RunView) {
  return Object.fromEntries(
    steps.filter(({ metrics }) => Object.keys(metrics).length > 0).map(({ id, metrics }) => [id, metrics]),
  );
}

function durationsOf({ steps, startedAt, closedAt }: RunView) {
  const ended = steps.flatMap((step) =>
    'endedAt' in step ? [[step.id, step.endedAt - step.scheduledAt] as const] : [],
  );
  return { ...(closedAt === undefined ? {} : { 'the whole run': closedAt - startedAt }), ...Object.fromEntries(ended) };
}

function leaves(value: unknown, path = '', found = new Map<string, string | number>()): Map<string, string | number> {
  if (typeof value === 'object' && value !== null) {
    for (const [name, inner] of Object.entries(value)) leaves(inner, path === '' ? name : `${path}/${name}`, found);
  } else if (value !== undefined) {
    found.set(path, typeof value === 'string' || typeof value === 'number' ? value : JSON.stringify(value));
  }
  return found;
}
