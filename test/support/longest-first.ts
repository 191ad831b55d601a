import { relative } from 'node:path';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Folders of files that take minutes. */
const long = ['test/e2e/', 'test/unit/worker/setup/', 'test/durability/'];

/**
 * Starts the long files before the short ones, so that none of them runs alone at the end. Within a folder the order is
 * Vitest's: by the durations of the last run, in a fresh checkout by size.
 */
export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification) => {
      const path = relative(this.ctx.config.root, moduleId);
      const found = long.findIndex((folder) => path.startsWith(folder));
      return found === -1 ? long.length : found;
    };
    return (await super.sort(files)).toSorted((one, other) => rank(one) - rank(other));
  }
}
