import { EvertrainError } from '../../../workflows/sdk/errors.js';
import type { JobFailure } from './job-event.js';
import type { JobEnd } from './job-process.js';

const hints: Readonly<Record<string, string>> = {
  SIGKILL: 'Often the machine ran out of memory: give the step more, or run fewer at once.',
  SIGSEGV: 'Native code crashed: the traceback in the log of the step names the Python line, where there is one.',
  SIGABRT: 'Native code gave up: its last words are in the log of the step.',
  SIGBUS: 'Native code crashed, or a memory-mapped file was cut.',
  SIGTERM: 'Something outside of Evertrain stopped it.',
};

/** Why a job that has ended cannot count; `undefined` for a clean end. */
export function jobFailure(
  name: string,
  end: JobEnd,
  failure: JobFailure | undefined,
  lastErrors: readonly string[],
): EvertrainError | undefined {
  if (end.kind === 'lost') {
    return new EvertrainError('SYSTEM_JOB_KILLED', `${name} was stopped: ${end.why}.`, {
      remedy: 'The step is tried again.',
    });
  }
  if (end.kind === 'killed') {
    const facts = { value: end.signal, remedy: hints[end.signal] ?? 'The step is tried again.' };
    return new EvertrainError('SYSTEM_JOB_KILLED', `${name} was ended by ${end.signal}.`, facts);
  }
  if (end.code === 0) return undefined;
  if (failure === undefined || failure.type === 'SystemExit') return exited(name, end.code, failure, lastErrors);
  const shown = failure.code === 'USER_JOB_FAILED' ? `${failure.type}: ${failure.message}` : failure.message;
  const first = failure.type === 'OSError' && failure.code === 'SYSTEM_STORE_UNAVAILABLE' ? 'Free disk space. ' : '';
  const remedy =
    failure.file === undefined
      ? {}
      : { remedy: `${first}The traceback is in the log of the step.`, value: place(failure) };
  return new EvertrainError(failure.code, `${name} failed${place(failure)}: ${shown.replace(/\.$/, '')}.`, remedy);
}

function exited(name: string, code: number, failure: JobFailure | undefined, lastErrors: readonly string[]) {
  const said = failure === undefined && lastErrors.length > 0 ? `: ${lastErrors.join('\n')}` : '.';
  const where = failure === undefined ? '' : place(failure);
  return new EvertrainError('USER_JOB_FAILED', `${name} ended with exit code ${code}${where}${said}`, { value: code });
}

function place({ file, line }: JobFailure): string {
  return file === undefined ? '' : ` at ${file}:${line ?? '?'}`;
}
