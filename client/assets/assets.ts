import {
  type AssetState,
  assetMessages,
  assetWorkflowType,
  nameIn,
  ruleMemo,
  ruleMessages,
  ruleWorkflowId,
  ruleWorkflowType,
  type RulePause,
  type RuleSettings,
  type RuleStart,
  type RuleState,
} from '../../workflows/sdk/assets/messages.js';
import { EvertrainError } from '../../workflows/sdk/errors.js';
import { checkOptions, nearestName } from '../../workflows/sdk/options.js';
import { defaultQueue } from '../../workflows/sdk/protocol.js';
import type { RunContext } from '../context.js';
import type { ApplyOptions } from '../schedules/plan-schedules.js';
import { sendUpdate } from '../send-update.js';
import { toEvertrainError } from '../to-error.js';
import { type AssetGraph, assetGraph, type AssetView, assetView } from './asset-view.js';
import {
  type DeclaredRules,
  declaredSettings,
  type KeptRule,
  keptRules,
  planRules,
  type RuleChange,
} from './plan-rules.js';
import { type RuleView, ruleView } from './rule-view.js';

/** An asset answers by a worker. */
const withinMs = 10_000;

/** The assets of the engine's namespace, and the rules that start runs on their news. */
export class Assets {
  private readonly context: RunContext;

  constructor(context: RunContext) {
    this.context = context;
  }

  /** By name. The engine's index may lag a moment behind a first publication. */
  async list(): Promise<AssetView[]> {
    const ids = await this.asked('the assets', () => this.workflowIds());
    const views = await Promise.all(ids.map((id) => this.view(id)));
    return views.sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  async show(name: string): Promise<AssetView> {
    const ids = await this.asked('the assets', () => this.workflowIds());
    const id = ids.find((one) => nameIn(one) === name);
    if (id !== undefined) return this.view(id);
    const known = ids.map(nameIn).sort();
    const nearest = nearestName(name, known);
    throw new EvertrainError('USER_ASSET_UNKNOWN', `The engine knows no asset "${name}".`, {
      value: name,
      remedy: nearest === undefined ? `It knows: ${known.join(', ') || 'none'}.` : `Did you mean "${nearest}"?`,
    });
  }

  /** Which pipelines have published which assets, and which are started on their news. */
  async graph(): Promise<AssetGraph> {
    return assetGraph(await this.list());
  }

  /** How the rules that a project declares differ from those that the engine keeps; changes nothing. */
  plan(declared: DeclaredRules, options: ApplyOptions = {}): Promise<RuleChange[]> {
    checkOptions('assets.plan', options, ['prune']);
    return this.asked('the rules', () => planRules(this.context.client, declared, options.prune === true));
  }

  /**
   * Makes the engine keep the rules that a project declares, and end those that it declared once; answers what was done.
   * Safe to repeat.
   */
  async apply(declared: DeclaredRules, options: ApplyOptions = {}): Promise<RuleChange[]> {
    const changes = await this.plan(declared, options);
    await this.asked('the rules', async () => {
      for (const settings of declaredSettings(declared)) await this.keep(settings);
      for (const { kind, name } of changes) if (kind === 'deleted') await this.end(name, declared.projectName);
    });
    return changes;
  }

  /** The rules that the engine keeps, by name; its index may lag a moment behind. */
  async rules(): Promise<RuleView[]> {
    const kept = await this.asked('the rules', () => keptRules(this.context.client));
    const views = await Promise.all(kept.map((one) => this.ruleView(one)));
    return views.sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** The rule starts nothing until `resume`; what is published is kept as news, and open runs go on. */
  pause(rule: string, reason: string): Promise<RuleView> {
    return this.order(rule, { reason });
  }

  /** What was new meanwhile starts one run, of each partition. */
  resume(rule: string): Promise<RuleView> {
    return this.order(rule, null);
  }

  private async order(name: string, pause: RulePause | null): Promise<RuleView> {
    const { client } = this.context;
    const kept = await this.asked('the rules', () => keptRules(client));
    const found = kept.find(({ settings }) => settings.rule === name);
    if (found === undefined) throw unknownRule(name, kept);
    const handle = client.workflow.getHandle(found.workflowId);
    await sendUpdate<void>({
      client,
      what: `rule "${name}"`,
      id: ruleMessages.pause,
      within: '10s',
      send: (updateId) => handle.startUpdate(ruleMessages.pause, { args: [pause], updateId, waitForStage: 'ACCEPTED' }),
    });
    return this.ruleView(found);
  }

  private async ruleView({ workflowId, settings }: KeptRule): Promise<RuleView> {
    return ruleView(settings, await this.query<RuleState>(`rule "${settings.rule}"`, workflowId, ruleMessages.state));
  }

  private async keep(settings: RuleSettings): Promise<void> {
    const { rule, project, pipeline, assets } = settings;
    await this.context.client.workflow.signalWithStart(ruleWorkflowType, {
      workflowId: ruleWorkflowId(rule, project),
      args: [{ settings }] as [RuleStart],
      taskQueue: defaultQueue,
      memo: { [ruleMemo]: settings },
      staticSummary: `${pipeline} on news of ${assets.join(', ')}`.slice(0, 200),
      signal: ruleMessages.settings,
      signalArgs: [settings],
    });
  }

  private async end(rule: string, project: string | undefined): Promise<void> {
    await this.context.client.workflow.getHandle(ruleWorkflowId(rule, project)).cancel();
  }

  private async workflowIds(): Promise<string[]> {
    const ids: string[] = [];
    const query = `WorkflowType = '${assetWorkflowType}' AND ExecutionStatus = 'Running'`;
    for await (const { workflowId } of this.context.client.workflow.list({ query })) ids.push(workflowId);
    return ids;
  }

  private async view(workflowId: string): Promise<AssetView> {
    const name = nameIn(workflowId);
    return assetView(
      name,
      await this.query<AssetState>(`asset "${name}"`, workflowId, assetMessages.state),
      Date.now(),
    );
  }

  private query<T>(what: string, workflowId: string, query: string): Promise<T> {
    const { client } = this.context;
    return this.asked(what, () =>
      client.withDeadline(Date.now() + withinMs, () => client.workflow.getHandle(workflowId).query<T>(query)),
    );
  }

  private async asked<T>(what: string, body: () => Promise<T>): Promise<T> {
    try {
      return await body();
    } catch (error) {
      throw toEvertrainError(error, { what, address: this.context.address });
    }
  }
}

function unknownRule(name: string, kept: readonly KeptRule[]): EvertrainError {
  const known = kept.map(({ settings }) => settings.rule).sort();
  const nearest = nearestName(name, known);
  return new EvertrainError('USER_RULE_UNKNOWN', `The engine keeps no rule "${name}".`, {
    value: name,
    remedy: nearest === undefined ? `It keeps: ${known.join(', ') || 'none'}.` : `Did you mean "${nearest}"?`,
  });
}
