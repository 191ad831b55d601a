import { connect } from '../../client/connect.js';
import { startApiServer } from '../../client/http/start-api-server.js';
import { learner } from '../fixtures/durability/model.js';
import { tell } from './child-process.js';

/** The data endpoint of the durability fixture, in a process to kill. Tells its address; ends when its parent is gone. */
const { address, port, token } = JSON.parse(process.argv[2] ?? '{}') as {
  address: string;
  port: number;
  token: string;
};

process.stdin.resume().once('close', () => process.exit(1));
const evertrain = await connect({ address });
const server = await startApiServer({ evertrain, models: [learner], token, port });
tell(server.address);
