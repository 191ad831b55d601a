import type { DataState } from './data-state.js';
import type { ModelState, OpenRun } from './model-state.js';
import type { ModelDefinition } from './model.js';
import { ModelChildren } from './children.js';
import { noData } from './data.js';
import { type DataPolicy, dataPolicy, type ModelPolicy } from './policy.js';

/** What the parts of a model's life share: its state, and the runs that it waits for. */
export class ModelBook {
  readonly children: ModelChildren;
  private resolved: { readonly of: ModelPolicy; readonly data: DataPolicy } | undefined;

  constructor(
    readonly definition: ModelDefinition,
    public state: ModelState,
  ) {
    const isOpen = (workflowId: string) => this.openRuns().some((run) => run.workflowId === workflowId);
    this.children = new ModelChildren(definition.name, isOpen);
  }

  openRuns(): OpenRun[] {
    const { training, checking, comparison, rollout, driftCheck } = this.state;
    return [training, checking, comparison, rollout, driftCheck].filter((run) => run !== undefined);
  }

  get policy(): ModelPolicy {
    return this.state.policy ?? this.definition.policy;
  }

  /** Of a model that declares `data`; conditions ask for it at each event. */
  get dataPolicy(): DataPolicy | undefined {
    const { name, data } = this.definition;
    if (data === undefined) return undefined;
    const { policy } = this;
    if (this.resolved?.of !== policy) this.resolved = { of: policy, data: dataPolicy(`model "${name}"`, policy) };
    return this.resolved.data;
  }

  changeData(change: (data: DataState) => DataState): void {
    this.state = { ...this.state, data: change(this.state.data ?? noData()) };
  }
}
