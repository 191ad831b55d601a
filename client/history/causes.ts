/**
 * What may have caused a call, as history tells it. User code runs in workflow tasks; a task hands it what came in since
 * (steps that ended, children, timers, signals, updates), and the calls it makes leave as the task's commands. So
 * everything that came in since the last task that called anything may have caused the calls of this one. That is
 * approximate – parallel branches meet in one task – but it misses nothing: what came in and led to no call (a step
 * awaited by `Promise.all` that was not the last) is carried on to the next task.
 */
export interface Causes {
  /** Shared by the calls of a task, and growing: only the first `count` belong to this call. */
  readonly from: readonly string[];
  readonly count: number;
  /** The call right before it that was answered inside the same task. */
  readonly answered?: string | undefined;
  /** Started event id of the workflow task. */
  readonly task: number;
}

interface Task {
  readonly started: number;
  readonly from: string[];
  /** How many of `from` had come in when the task began, or were settled in it. */
  count: number;
  /** How many of `from` have led to a call. */
  used: number;
  answered?: string;
  answeredLedOn: boolean;
}

export class CauseTracker {
  private arrived: string[] = [];
  private task: Task = { started: 0, from: [], count: 0, used: 0, answeredLedOn: false };
  private readonly tasks = new Map<number, Task>();

  /** Something came in from outside: user code sees it in the next workflow task. */
  arrive(node: string): void {
    this.arrived.push(node);
  }

  /** A workflow task ran to its end; its commands follow. (A failed one is tried again with the same arrivals.) */
  taskCompleted(started: number): void {
    const { used, from: before, answered, answeredLedOn } = this.task;
    const from = used === 0 ? before : before.slice(used);
    if (answered !== undefined && !answeredLedOn) from.push(answered);
    for (const node of this.arrived) from.push(node);
    this.arrived = [];
    this.task = { started, from, count: from.length, used: 0, answeredLedOn: false };
    this.tasks.set(started, this.task);
  }

  /** Something settled inside the task itself: an update was accepted, a timer cancelled. */
  settle(node: string): void {
    this.task.from.push(node);
    this.task.count++;
  }

  /** User code called something in this task, or – where the pending window held it back – in an earlier one. */
  call(calledIn?: number): Causes {
    const earlier = calledIn === undefined ? undefined : this.tasks.get(calledIn);
    if (earlier !== undefined) return { from: earlier.from, count: earlier.count, task: earlier.started };
    const { from, count, answered, started } = this.task;
    this.task.used = count;
    this.task.answeredLedOn = true;
    return { from, count, answered, task: started };
  }

  /**
   * A call that was answered inside the task (a cache hit, a reused output). Whether two of them in one task ran side by
   * side or in a row is not recorded: they are taken as a row, which is right or too careful.
   */
  answer(node: string): Causes {
    const { from, count, answered, started } = this.task;
    this.task.used = count;
    this.task.answered = node;
    this.task.answeredLedOn = false;
    if (answered !== undefined) return { from: [answered], count: 1, task: started };
    return { from, count, task: started };
  }
}
