import type { Readable } from 'node:stream';
import { EvertrainError } from '../../../workflows/sdk/errors.js';
import type { StepContext } from '../context.js';
import { type JobFiles, writeJobDocument } from './job-document.js';
import { jobFailure } from './job-failure.js';
import { type PlainOutput, plainOutput, readJobOutput } from './job-output.js';
import type { JobEnd, JobProcess } from './job-process.js';
import { JobReports } from './job-reports.js';
import { LineReader } from './line-reader.js';

/**
 * A job is a program that does one attempt of a step. It reads one JSON document (path in EVERTRAIN_JOB), writes another
 * one, and reports by lines on standard output that start with `::evertrain:: `; every other line is a log. `runJob` is
 * what all runners share: it writes the document, fetches the input's artifacts, follows what the program says, stops it
 * when the step is cancelled, and stores the files of its output; what it leaves on disk goes with the attempt's work
 * folder. A runner only starts a process and says how it ended,
 * so the same program runs in a fork of the warm Python host, in a process of its own, or later in a container.
 */
export interface Job {
  /** How errors call it, for example `python/iris/train.py:train`. */
  readonly name: string;
  /** `target` of the job document. */
  readonly target: string;
  readonly input: unknown;
  /** Whether a job that writes no output document fails: it does where the step declares an output. */
  readonly needsOutput: boolean;
  readonly mlflow?: boolean;
  readonly reuse?: boolean;
  /** Of a program that writes no output document. */
  readonly output?: PlainOutput;
  /** From SIGTERM to SIGKILL when the step is cancelled. */
  readonly graceMs: number;
  /** Begins while the input's files are still being fetched; nothing of it stays where they cannot be. */
  launch(files: Promise<JobFiles>): Promise<JobProcess>;
}

export const defaultGraceMs = 10_000;

/**
 * Runs a job to its end and gives its output, files replaced by artifact references.
 *
 * USER_JOB_FAILED: an exception or exit code. USER_JOB_OUTPUT_INVALID: no output, or none that can be read.
 * USER_OUTPUT_INVALID: a number that is not finite. SYSTEM_JOB_KILLED: a signal, or its host went away. SYSTEM_FENCED: a
 * newer attempt has saved a checkpoint. When the step is cancelled, the reason of `context.signal`.
 */
export async function runJob(job: Job, context: StepContext): Promise<unknown> {
  context.signal.throwIfAborted();
  const writing = writeJobDocument(job, context);
  const [written, launched] = await Promise.allSettled([writing, job.launch(writing)]);
  const files = valueOf(written);
  const { end, reports, refused } = await follow(job, valueOf(launched), files, context);
  context.signal.throwIfAborted();
  if (refused !== undefined) throw refused.reason;
  const failure = jobFailure(job.name, end, reports.failure, reports.lastErrors);
  if (failure !== undefined) throw failure;
  const place = { document: files.document, name: job.name, context };
  const output =
    job.output === undefined ? await readJobOutput(place) : await plainOutput(job.output, reports.lastLine, place);
  if (output === undefined && job.needsOutput) throw noOutput(job.name);
  return output;
}

function valueOf<T>(settled: PromiseSettledResult<T>): T {
  if (settled.status === 'rejected') throw settled.reason;
  return settled.value;
}

interface Followed {
  readonly end: JobEnd;
  readonly reports: JobReports;
  /** What it reported and could not be accepted; it was stopped for that. */
  readonly refused: { readonly reason: unknown } | undefined;
}

async function follow(job: Job, process: JobProcess, files: JobFiles, context: StepContext): Promise<Followed> {
  const reports = new JobReports(context, files.document.workDir, (line) => process.acknowledge(line));
  let refused: Followed['refused'];
  const reading = Promise.allSettled([
    read(process.stdout, reports, (line) => reports.stdoutLine(line)).catch((reason: unknown) => {
      refused = { reason };
      process.stop('SIGKILL');
    }),
    read(process.stderr, reports, (line) => reports.stderrLine(line)),
  ]);
  const disarm = stopOnAbort(process, context.signal, job.graceMs);
  const end = await process.ended;
  disarm();
  // A process that escaped could hold the streams open for ever.
  const timer = setTimeout(() => [process.stdout, process.stderr].forEach((stream) => stream.destroy()), 10_000);
  await reading;
  clearTimeout(timer);
  return { end, reports, refused };
}

/** Reads line by line; the stream is paused while a line is handled or the job's output budget is spent. */
async function read(stream: Readable, reports: JobReports, handle: (line: string) => void | Promise<void>) {
  const lines = new LineReader();
  for await (const chunk of untilGone(stream)) {
    let count = 0;
    for (const line of lines.push(chunk)) {
      count++;
      const handling = handle(line);
      if (handling !== undefined) await handling;
    }
    await reports.spend(chunk.length, count);
  }
  const last = lines.end();
  if (last !== undefined) await handle(last);
}

/** A stream that breaks off (its writer was killed, or we gave up waiting for its end) has ended. */
async function* untilGone(stream: Readable): AsyncIterable<Buffer> {
  try {
    yield* stream as AsyncIterable<Buffer>;
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code !== 'ECONNRESET' && code !== 'EPIPE' && code !== 'ERR_STREAM_PREMATURE_CLOSE') throw error;
  }
}

function stopOnAbort(process: JobProcess, signal: AbortSignal, graceMs: number): () => void {
  let timer: NodeJS.Timeout | undefined;
  const stop = () => {
    process.stop('SIGTERM');
    timer = setTimeout(() => process.stop('SIGKILL'), graceMs);
  };
  if (signal.aborted) stop();
  else signal.addEventListener('abort', stop, { once: true });
  return () => {
    clearTimeout(timer);
    signal.removeEventListener('abort', stop);
  };
}

function noOutput(name: string): EvertrainError {
  return new EvertrainError('USER_JOB_OUTPUT_INVALID', `${name} ended without an output.`, {
    remedy: 'Return a dict from the function, call evertrain.output(…), or write JSON to the job’s `outputPath`.',
  });
}
