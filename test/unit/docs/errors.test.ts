import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { EvertrainError, errorCodes } from '../../../workflows/sdk/errors.js';

const sections = [...readFileSync('docs/errors.md', 'utf8').matchAll(/^## (.+)$/gm)].map(([, heading]) => heading);

describe('docs/errors.md', () => {
  it('has a section for each code, in the order of the list, and no other', () => {
    expect(sections).toEqual([...errorCodes]);
  });

  it('is linked from the message of each error, by the anchor of its section', () => {
    for (const code of errorCodes) {
      const { message } = new EvertrainError(code, 'Something happened.');
      expect(message).toContain(`[${code}, see docs/errors.md#${code.toLowerCase()}]`);
    }
  });
});
