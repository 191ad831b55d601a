/**
 * One line that says what the set-up is doing and for how long: rewritten in place on a terminal, else a plain line at
 * the start, every 15 seconds and at the end.
 *
 * @typedef {object} Progress
 * @property {<T>(title: string, work: (tell: (detail: string) => void) => Promise<T>) => Promise<T>} during
 *   shows `title` and the elapsed time while `work` runs; `tell` adds what it is at
 * @property {(text: string) => void} line writes a line of its own
 *
 * @typedef {Progress | ((line: string) => void) | undefined} Log where a part tells its progress: an object of
 *   `createProgress`, a function that takes plain lines, or nothing (silence)
 */

/**
 * @param {{ write: (text: string) => void, inPlace: boolean, columns?: number, everyMs?: number }} options
 * @returns {Progress}
 */
export function createProgress({ write, inPlace, columns = 80, everyMs = inPlace ? 500 : 15_000 }) {
  const clear = inPlace ? '\r\u001b[2K' : '';
  return {
    line: (text) => write(`${clear}${text}\n`),
    async during(title, work) {
      const start = Date.now();
      const elapsed = () => `${Math.round((Date.now() - start) / 1000)} s`;
      let detail = '';
      const show = () => {
        const text = `${title}: ${elapsed()}${detail === '' ? '' : ` · ${detail}`}`;
        write(inPlace ? `${clear}${text.slice(0, columns - 1)}` : `${text}\n`);
      };
      if (inPlace) show();
      else write(`${title} ...\n`);
      const timer = setInterval(show, everyMs);
      try {
        const result = await work((text) => {
          detail = printable(text);
        });
        write(`${clear}${title}: done in ${elapsed()}\n`);
        return result;
      } catch (error) {
        write(`${clear}${title}: failed after ${elapsed()}\n`);
        throw error;
      } finally {
        clearInterval(timer);
      }
    },
  };
}

/**
 * @param {Log} log
 * @returns {Progress}
 */
export function asProgress(log) {
  if (typeof log === 'object') return log;
  return createProgress({ write: (text) => log?.(text.replace(/\n$/, '')), inPlace: false });
}

/** @param {string} text */
function printable(text) {
  // A tool's output may move the cursor, which would garble the line that is rewritten in place.
  return text.replace(/[^\x20-\x7e\u00a0-\uffff]/g, ' ').trim();
}
