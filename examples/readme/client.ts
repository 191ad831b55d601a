import { connect } from 'evertrain/client';
import { iris } from './workflows/pipeline.js';

// your application
const evertrain = await connect();
await evertrain.model(iris).train({ source: 'data/iris.csv' });
await evertrain.close();
