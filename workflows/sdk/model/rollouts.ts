import { type ApplicationFailure, getExternalWorkflowHandle } from '@temporalio/workflow';
import { EvertrainError, withoutLink } from '../errors.js';
import { asFailure, unlessCancelled } from '../failures.js';
import { notice } from '../notice.js';
import type { RunOutcome } from '../protocol.js';
import type { ModelBook } from './book.js';
import { deploy, servable } from './deploy.js';
import type { ModelVersion } from './model-state.js';
import type { RolloutInput } from './rollout.js';
import { rolloutTerms } from './rollout-rule.js';
import { championOf, withStage } from './state.js';

/** At most one rollout at a time: begun, and settled by what becomes of its run. */
export class ModelRollouts {
  constructor(private readonly book: ModelBook) {}

  /** A first version has nobody to take over from. */
  get applies(): boolean {
    const { definition, policy, state } = this.book;
    return policy.rollout !== undefined && definition.runs.rollout !== undefined && state.champion !== undefined;
  }

  /** The champion that was to serve alone again when the execution before this one ended. */
  resume(): void {
    if (this.book.state.restoring !== undefined) this.restore(this.book.state.restoring);
  }

  /** Refuses a promotion while another version is rolled out. */
  check(version: string): void {
    const { rollout, name } = this.book.state;
    if (rollout === undefined) return;
    const which = rollout.version === version ? 'it' : `version ${rollout.version}`;
    throw new EvertrainError('USER_OPTION_INVALID', `Model "${name}" is rolling ${which} out already.`, {
      value: version,
      remedy: 'Let it end, take it back with `evertrain model <name> rollback`, or promote with --now.',
    });
  }

  async begin(version: ModelVersion, reason: string): Promise<ApplicationFailure | undefined> {
    const { book } = this;
    const { definition, policy } = book;
    const run = definition.runs.rollout;
    const champion = championOf(book.state);
    if (run === undefined || policy.rollout === undefined || champion === undefined) return undefined;
    try {
      this.check(version.version);
    } catch (error) {
      return asFailure(error);
    }
    const revision = book.state.revision + 1;
    const trigger = `${version.version}.${revision}`;
    const workflowId = `${run.name}/${trigger}`;
    // What the stages deploy is newer than what was being restored.
    const { restoring: _, ...state } = book.state;
    const begun = { ...state, revision, rollout: { trigger, workflowId, version: version.version, reason } };
    book.state = withStage(begun, version.version, 'challenger', `is being rolled out (${reason})`);
    const input: RolloutInput = {
      model: definition.name,
      revision,
      champion: servable(champion),
      challenger: servable(version),
      terms: rolloutTerms(`model "${definition.name}"`, policy.rollout),
    };
    const summary = `version ${version.version} of model ${definition.name} takes over from ${champion.version}`;
    await book.children.start({ trigger, workflowId, pipeline: run.name, input, summary }).catch(unlessCancelled);
    return undefined;
  }

  /** Answers the version to promote, if its rollout was held to the end; else the champion serves alone again. */
  settle({ result }: RunOutcome): { readonly version: ModelVersion; readonly reason: string } | undefined {
    const { book } = this;
    const { rollout, ...rest } = book.state;
    book.state = rest;
    const version = rest.versions.find((one) => one.version === rollout?.version);
    if (rollout === undefined || version === undefined) return undefined;
    if (result.outcome === 'completed') {
      const { reason } = result.output as { reason: string };
      return { version, reason: `${reason} (${rollout.reason})` };
    }
    if (result.outcome === 'failed') {
      const isRefused = result.code === 'SYSTEM_DEPLOY_FAILED';
      const why = withoutLink(result.message);
      this.takeBack(version, isRefused ? 'rejected' : 'candidate', `not rolled out: ${why}`);
    } else {
      const { reason } = (result.facts ?? {}) as { reason?: string };
      this.takeBack(version, 'rejected', `taken back in ${result.gate}: ${reason ?? 'its gate said no'}`);
    }
    return undefined;
  }

  /** A person has decided meanwhile: the run is cancelled, and what it says of its end counts no more. */
  end(unless: string, why: string): void {
    const { rollout, ...rest } = this.book.state;
    if (rollout === undefined) return;
    this.book.state = rest;
    if (rollout.version !== unless) {
      this.book.state = withStage(rest, rollout.version, 'candidate', `its rollout ended: ${why}`);
    }
    getExternalWorkflowHandle(rollout.workflowId).cancel().catch(unlessCancelled);
  }

  /** By a person's order. */
  takeBackNow(reason: string): void {
    const { rollout, versions } = this.book.state;
    const version = versions.find((one) => one.version === rollout?.version);
    if (rollout === undefined || version === undefined) return;
    this.end(version.version, reason);
    this.takeBack(version, 'rejected', `taken back ${reason}`);
  }

  private takeBack({ version }: ModelVersion, stage: 'candidate' | 'rejected', reason: string): void {
    const { book } = this;
    const { name, champion } = book.state;
    book.state = withStage(book.state, version, stage, reason);
    this.serveChampionAlone();
    const message = `version ${version} of model "${name}" was ${reason}; version ${champion} serves alone`;
    const facts = { version, champion, reason };
    notice({ kind: 'rollout-taken-back', pipeline: name, message, facts }).catch(() => undefined);
  }

  /** What the model server has been told of a challenger counts no more. */
  serveChampionAlone(): void {
    const { book } = this;
    if (book.definition.runs.rollout === undefined || book.state.champion === undefined) return;
    const revision = book.state.revision + 1;
    book.state = { ...book.state, revision, restoring: revision };
    this.restore(revision);
  }

  /** Beside what else the model does, until the model server has taken it, or something newer. */
  private restore(revision: number): void {
    const { book } = this;
    const champion = championOf(book.state);
    if (champion === undefined) return;
    const { name } = book.state;
    const summary = `version ${champion.version} of ${name} serves alone again`;
    deploy({ ...servable(champion), model: name, revision }, { summary, attempts: Infinity })
      .catch(unlessCancelled)
      .then(() => {
        const { restoring, ...rest } = book.state;
        if (restoring === revision) book.state = rest;
      })
      .catch(() => undefined);
  }
}
