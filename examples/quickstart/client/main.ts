import { connect } from 'evertrain/client';
import { flowers } from '../workflows/model.js';

/** Application code: orders a training while `npm run dev` is at work, and follows it. */
const evertrain = await connect();
const run = await evertrain.model(flowers).train({ depths: [2, 4] });
for await (const event of run.events()) if (event.type === 'gate') console.log(event.gate.name, event.gate.passed);
console.log(await run.result());
await evertrain.close();
