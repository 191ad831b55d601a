import type { ModelSlot } from './model-slot.js';

/** The server's numbers in the Prometheus text format, version 0.0.4, by model and version. */

/** Every so many of the histogram's bounds: three in a decade. */
const coarser = 16;

interface Family {
  readonly name: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly help: string;
  /** `[suffix and labels, value]`. */
  readonly samples: readonly (readonly [labels: string, value: number])[];
}

export function metricsText(slots: readonly ModelSlot[]): string {
  const { rss } = process.memoryUsage();
  return [
    ...requestFamilies(slots),
    ...stateFamilies(slots),
    gauge('process_resident_memory_bytes', 'Memory of the server.', [['', rss]]),
  ]
    .map(({ name, type, help, samples }) => {
      const lines = samples.map(([labels, value]) => `${name}${labels} ${value}`);
      return [`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`, ...lines].join('\n');
    })
    .join('\n')
    .concat('\n');
}

function gauge(name: string, help: string, samples: Family['samples']): Family {
  return { name, type: 'gauge', help, samples };
}

/** Counted since the model's present revision began, so they begin anew with each promotion. */
function requestFamilies(slots: readonly ModelSlot[]): readonly Family[] {
  const counted = slots.flatMap(({ name, counts }) =>
    Array.from(counts.versions, ([version, of]) => ({ at: { model: name, version }, of })),
  );
  const counter = (name: string, help: string, value: (of: (typeof counted)[number]['of']) => number): Family => ({
    ...{ name, type: 'counter', help },
    samples: counted.map(({ at, of }) => [labels(at), value(of)]),
  });
  const latency = counted.flatMap(({ at, of }) => [
    ...of.latency
      .cumulated(coarser)
      .map(({ boundMs, count }) => [`_bucket${labels({ ...at, le: String(boundMs / 1000) })}`, count] as const),
    [`_bucket${labels({ ...at, le: '+Inf' })}`, of.requests] as const,
    [`_sum${labels(at)}`, of.latency.sumMs / 1000] as const,
    [`_count${labels(at)}`, of.requests] as const,
  ]);
  return [
    counter('evertrain_requests_total', 'Requests computed, failed ones included.', ({ requests }) => requests),
    counter('evertrain_request_errors_total', 'Requests that a version failed on.', ({ errors }) => errors),
    counter('evertrain_shadows_dropped_total', 'Requests left out by a busy shadow.', ({ shadowsDropped: n }) => n),
    {
      ...{ name: 'evertrain_request_duration_seconds', type: 'histogram' },
      help: 'From the arrival of a request to its answer.',
      samples: latency,
    },
  ];
}

function stateFamilies(slots: readonly ModelSlot[]): readonly Family[] {
  const loaded = slots.flatMap(({ name, split }) =>
    (split?.versions ?? []).map((version) => ({ at: labels({ model: name, version: version.version }), version })),
  );
  return [
    gauge(
      'evertrain_requests_in_flight',
      'Requests being computed or waiting for it.',
      loaded.map(({ at, version }) => [at, version.inFlight]),
    ),
    gauge(
      'evertrain_model_bytes',
      'Size of the loaded model file.',
      loaded.map(({ at, version }) => [at, version.sizeBytes]),
    ),
  ];
}

function labels(values: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(values).map(([name, value]) => `${name}="${escaped(value)}"`);
  return `{${pairs.join(',')}}`;
}

function escaped(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
}
