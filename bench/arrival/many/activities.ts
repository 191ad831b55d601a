export { activities } from '../activities.js';
