export { activities } from '../../activities/index.js';
