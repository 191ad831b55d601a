import { fork } from 'node:child_process';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { packageFile } from '../../activities/sdk/jobs/package-file.js';
import { EvertrainError, isEvertrainError, withoutLink } from '../../workflows/sdk/errors.js';
import type { Project } from '../../workflows/sdk/project.js';
import { defined } from '../../workflows/sdk/registry.js';
import { checkVariable } from '../../workflows/sdk/variable.js';
import { variableNamed } from '../variable-named.js';
import { pipelineForms, type ProjectFacts, type ProjectReader } from '../dashboard/project-facts.js';
import { loadProject, queuesOfProject } from './project-files.js';

/** What is asked of a process that loads a project as its files are now. */
export interface ProjectQuestion {
  readonly root: string;
  /** To be checked; default: the project's facts are wanted. */
  readonly variable?: { readonly name: string; readonly value: unknown };
}

export type ProjectAnswer =
  | { readonly facts: ProjectFacts }
  | { readonly refused: Pick<EvertrainError, 'code' | 'message'> };

/**
 * The project in a folder; `undefined` where there is none. Node loads a module once, so after a change of its files a
 * process of its own is asked, once for each change.
 */
export async function projectReader(root: string, say: (line: string) => void): Promise<ProjectReader | undefined> {
  const loaded = { stamp: await stampOf(root), project: await projectIn(root) };
  const { project } = loaded;
  if (project === undefined) return undefined;
  let known = { stamp: loaded.stamp, facts: factsOf(await queuesOfProject(root), project) };
  let asking: Promise<void> = Promise.resolve();
  const update = async () => {
    const stamp = await stampOf(root);
    if (stamp === known.stamp) return;
    const answer = await askProject({ root });
    if ('facts' in answer) known = { stamp, facts: answer.facts };
    else {
      known = { ...known, stamp };
      say(`The project's change cannot be loaded: ${answer.refused.message}`);
    }
  };
  const facts = async () => {
    asking = asking.then(update).catch((error: unknown) => say(String(error)));
    await asking;
    return known.facts;
  };
  return {
    facts,
    async pipelines() {
      const { pipelines } = await facts();
      return known.stamp === loaded.stamp ? project.pipelines : pipelines.map(({ name }) => name);
    },
    async checkVariable(name, value) {
      await facts();
      if (known.stamp === loaded.stamp) return checkVariableOf(name, value);
      const answer = await askProject({ root, variable: { name, value } });
      if ('refused' in answer) throw new EvertrainError(answer.refused.code, answer.refused.message, { value });
    },
  };
}

/** In a process that loads the project for this only. */
export async function answerOf({ root, variable }: ProjectQuestion): Promise<ProjectAnswer> {
  try {
    const facts = factsOf(await queuesOfProject(root), await loadProject(root));
    if (variable !== undefined) checkVariableOf(variable.name, variable.value);
    return { facts };
  } catch (error) {
    const code = isEvertrainError(error) ? error.code : 'USER_CODE_FAILED';
    return { refused: { code, message: withoutLink(error instanceof Error ? error.message : String(error)) } };
  }
}

function checkVariableOf(name: string, value: unknown): void {
  checkVariable(variableNamed(defined.variables, name), value);
}

function factsOf(queueNames: readonly string[], { pipelines }: Project): ProjectFacts {
  const variables = defined.variables.map(({ name, default: fallback, description }) => {
    return { name, default: fallback, description };
  });
  return { pipelines: pipelineForms(pipelines), variables, queueNames };
}

function askProject(question: ProjectQuestion): Promise<ProjectAnswer> {
  return new Promise((resolve, reject) => {
    const child = fork(packageFile('client/cli/evertrain.mjs'), ['project-facts'], { serialization: 'json' });
    child.once('error', reject);
    child.once('exit', (code, signal) => {
      const message = `The process that loads it ended with ${signal ?? `code ${code}`}.`;
      resolve({ refused: { code: 'SYSTEM_FAILED', message } });
    });
    child.once('message', (answer) => {
      resolve(answer as ProjectAnswer);
      child.kill();
    });
    child.send(question);
  });
}

/** A dashboard can be looked at from any folder. */
async function projectIn(root: string): Promise<Project | undefined> {
  try {
    return await loadProject(root);
  } catch (error) {
    if (isEvertrainError(error) && error.code === 'USER_FILE_NOT_FOUND') return undefined;
    throw error;
  }
}

/** Another one whenever a file of the code has changed. */
async function stampOf(root: string): Promise<string> {
  const parts = ['workflows', 'activities'].map(async (part) => {
    const names = await readdir(join(root, part), { recursive: true }).catch(() => []);
    const code = names.filter((name) => /\.(ts|js|mjs|json)$/.test(name)).sort();
    const times = code.map(async (name) => {
      const { mtimeMs, size } = await stat(join(root, part, name));
      return `${name} ${mtimeMs} ${size}`;
    });
    return Promise.all(times);
  });
  return (await Promise.all(parts)).flat().join('\n');
}
