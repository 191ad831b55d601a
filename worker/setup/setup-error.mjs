/**
 * What a set-up part throws. It has the shape and brand of `EvertrainError` (workflows/sdk/errors.ts), which cannot be
 * imported here: the set-up runs before any package, so before any TypeScript loader, exists.
 */
export class SetupError extends Error {
  /**
   * @param {import('../../workflows/sdk/errors.js').ErrorCode} code
   * @param {string} what what happened, with the offending value
   * @param {{ value?: unknown, remedies?: readonly string[], cause?: unknown }} [facts]
   */
  constructor(code, what, { value, remedies = [], cause } = {}) {
    const remedy = remedies.length === 0 ? undefined : remedies.map((text) => `\n  - ${text}`).join('');
    super(
      `${what}${remedy === undefined ? '' : `\nWhat helps:${remedy}\n`} [${code}, see docs/errors.md#${code.toLowerCase()}]`,
      cause === undefined ? undefined : { cause },
    );
    this.name = 'EvertrainError';
    this.code = code;
    this.value = value;
    this.remedy = remedy;
    Object.defineProperty(this, Symbol.for('evertrain.error'), { value: true });
  }
}
