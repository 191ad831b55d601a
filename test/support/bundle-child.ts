import { cachedBundle } from '../../worker/bundle-cache.js';
import { tell, waitForGo } from './child-process.js';

/** Bundles when it is told to, beside others; tells the version. */
const { workflows, folder } = JSON.parse(process.argv[2] ?? '{}') as { workflows: string; folder: string };

await waitForGo();
tell((await cachedBundle(workflows, folder)).version);
