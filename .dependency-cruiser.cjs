/** Who may import whom; docs/concepts.md draws it. `client/cli` is the composition root and may import everything. */
const npm = (...names) => `^node_modules/(${names.join('|')})/`;

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    {
      name: 'sandbox-sdk',
      comment: 'workflows/sdk runs in the sandbox: only Temporal, Zod and schema types.',
      severity: 'error',
      from: { path: '^workflows/sdk' },
      to: {
        pathNot: ['^workflows/sdk', npm('@temporalio/workflow', '@temporalio/common', 'zod', '@standard-schema/spec')],
      },
    },
    {
      name: 'sandbox-pipelines',
      comment: 'Pipelines and contracts run in the sandbox too.',
      severity: 'error',
      from: { path: '^workflows/(?!sdk)' },
      to: { pathNot: ['^workflows', npm('zod')] },
    },
    {
      name: 'activities-down',
      severity: 'error',
      from: { path: '^activities' },
      to: { path: ['^worker', '^client', '^serving', '^test', '^bench'] },
    },
    {
      name: 'client-library',
      comment: 'Application code that starts runs must not load workers or stores.',
      severity: 'error',
      from: { path: '^client/(?!cli/)' },
      to: { path: ['^activities', '^worker', '^serving', '^client/cli', '^test', '^bench'] },
    },
    {
      name: 'dashboard-page',
      comment: 'What runs in the browser takes from elsewhere only what runs there too; the rest are types.',
      severity: 'error',
      from: { path: '^client/dashboard/page/' },
      to: {
        pathNot: [
          '^client/dashboard/(page/|view-change)',
          npm('preact', 'wouter-preact', 'uplot', '@dagrejs/dagre', '@picocss/pico', 'vite'),
        ],
        dependencyTypesNot: ['type-only'],
      },
    },
    {
      name: 'worker',
      severity: 'error',
      from: { path: '^worker' },
      to: { path: ['^client/(?!history/|engine-file)', '^serving', '^test', '^bench'] },
    },
    {
      name: 'serving',
      severity: 'error',
      from: { path: '^serving' },
      to: { path: ['^client', '^worker/', '^test', '^bench'] },
    },
    {
      name: 'no-cycles',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    {
      name: 'no-type-cycles',
      comment: 'Nor by types, but for the registry: it knows by type what contracts put into it.',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { pathNot: '^workflows/sdk/registry\\.ts$' } },
    },
    { name: 'resolvable', severity: 'error', from: {}, to: { couldNotResolve: true } },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'require', 'node', 'default', 'types'],
      extensions: ['.ts', '.tsx', '.mjs', '.js', '.d.ts'],
    },
  },
};
