import { project } from 'evertrain';
import { arrivals } from './arrivals.js';
import { branches } from './branches.js';
import { daily, everyDay } from './daily.js';
import { frames } from './frames.js';
import { growing } from './growing.js';
import { heavy } from './heavy.js';
import { rules } from './rules.js';
import { values } from './values.js';

// what workers serve
export default project({
  pipelines: [arrivals, branches, daily, frames, growing.pipeline, heavy, rules, values],
  models: [growing],
  schedules: [everyDay],
});
