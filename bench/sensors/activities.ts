import { implement } from '../../activities/sdk/implement.js';
import { tell } from '../arrival/receiver.js';
import { tells } from './contracts.js';

export const activities = [
  implement(tells, async ({ receiver, id }) => {
    await tell(receiver, id);
    return {};
  }),
];
