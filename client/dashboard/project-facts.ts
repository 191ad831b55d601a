import type { PipelineDefinition } from '../../workflows/sdk/definitions.js';
import { jsonSchemaOf } from '../../workflows/sdk/json-schema.js';
import type { VariableDefinition } from '../../workflows/sdk/variable.js';
import type { PipelineForm } from './shapes.js';

/** What the dashboard shows of a project; plain JSON. */
export interface ProjectFacts {
  readonly pipelines: readonly PipelineForm[];
  readonly variables: readonly VariableForm[];
  readonly queueNames: readonly string[];
}

export type VariableForm = Pick<VariableDefinition, 'name' | 'default' | 'description'>;

/** A project whose files may change while it is looked at. */
export interface ProjectReader {
  /** As its files are now; where they cannot be loaded, as they were. */
  facts(): Promise<ProjectFacts>;
  /** To check an input by; names only where the files are not those that this process has loaded. */
  pipelines(): Promise<readonly (PipelineDefinition | string)[]>;
  /** USER_VARIABLE_INVALID, USER_OPTION_INVALID for one that is not declared. */
  checkVariable(name: string, value: unknown): Promise<void>;
}

export function pipelineForms(pipelines: readonly PipelineDefinition[]): PipelineForm[] {
  return pipelines.filter(({ name }) => !name.startsWith('evertrain.')).map(formOf);
}

function formOf({ name, description, input }: PipelineDefinition): PipelineForm {
  const schema = jsonSchemaOf(input);
  return {
    name,
    ...(description === undefined ? {} : { description }),
    ...(schema === undefined ? {} : { input: schema }),
  };
}
