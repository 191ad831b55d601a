import { readFileSync, writeFileSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import proto from '@temporalio/proto';
import { projectRun } from '../../client/history/project-run.js';

/** By how many megabytes a process grows at most while it projects the history in a file. By Linux' /proc. */
const [, , path = ''] = process.argv;
const history = proto.temporal.api.history.v1.History.decode(readFileSync(path));
setFlagsFromString('--expose-gc');
(runInNewContext('gc') as () => void)();
// The highest resident set is counted from here on.
writeFileSync('/proc/self/clear_refs', '5');
const before = kilobytes('VmRSS');
const view = projectRun({ history });
const grown = (kilobytes('VmHWM') - before) / 1_024;
process.stdout.write(JSON.stringify({ grown, events: view.events }));

function kilobytes(field: string): number {
  return Number(new RegExp(`^${field}:\\s*(\\d+)`, 'm').exec(readFileSync('/proc/self/status', 'utf8'))?.[1]);
}
