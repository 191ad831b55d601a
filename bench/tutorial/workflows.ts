import { fit, ingest, scoreClasses, split, toOnnx } from '../../workflows/pipelines/tabular/contracts.js';
import { candidate, model, pipeline, project } from '../../workflows/sdk/index.js';

const measures = ['sepal_length', 'sepal_width', 'petal_length', 'petal_width'];

/** The five tasks of the usual tutorial: ingest, preprocess, train a forest, evaluate; deploying is the model's. */
const tutorial = pipeline('tutorial', {}, async () => {
  const raw = await ingest({ source: 'data/iris.csv' });
  const { train, test } = await split({ table: raw.table, testShare: 0.3, key: measures });
  const classifier = { target: 'species', task: 'classification', algorithm: 'forest', categories: {} } as const;
  const { model: forest } = await fit({ train, ...classifier });
  const [{ metrics }, served] = await Promise.all([
    scoreClasses({ model: forest, data: test }),
    toOnnx({ model: forest, data: test }),
  ]);
  return candidate({ model: served.model, metrics, golden: served.golden });
});

/** Promoted by the benchmark itself, so that each round ends deployed. */
export default project({ pipelines: [tutorial], models: [model('tutorial', { pipeline: tutorial })] });
