import { setTimeout as sleep } from 'node:timers/promises';
import { literal, rowsOf, withDuckdb } from '../../../activities/data/table-query.js';
import { sendFeedback } from '../../send-feedback.js';

/** Hours of a table that are asked about, one after the other, and how many bikes were rented in them. */
export interface Hours {
  readonly rows: readonly Readonly<Record<string, unknown>>[];
  readonly label: string;
}

/** In an order of no meaning, the same each time. */
export async function hoursOf(path: string, label: string): Promise<Hours> {
  const ordered = `SELECT * FROM read_parquet(${literal(path)}) ORDER BY hash(day * 24 + hr)`;
  return { rows: await withDuckdb((connection) => rowsOf(connection, ordered)), label };
}

interface Input {
  readonly name: string;
  readonly datatype: string;
}

/** People who ask a model all the time: each hour is a request, whose label is told shortly after. */
export class Traffic {
  #hours: Hours;
  #next = 0;
  #isOpen = true;
  #labels: { id: string; label: number }[] = [];
  /** What became of the requests. */
  answered = 0;
  failed = 0;
  readonly #running: Promise<unknown>;

  constructor(
    private readonly server: string,
    private readonly model: string,
    private readonly inputs: readonly Input[],
    hours: Hours,
  ) {
    this.#hours = hours;
    this.#running = Promise.all([this.#ask(), this.#tell()]);
  }

  /** From now on these are asked about. */
  change(hours: Hours): void {
    this.#hours = hours;
    this.#next = 0;
  }

  async stop(): Promise<void> {
    this.#isOpen = false;
    await this.#running;
  }

  /** A request about one hour, as the Open Inference Protocol has it. */
  static request(inputs: readonly Input[], row: Hours['rows'][number]): string {
    const tensor = ({ name, datatype }: Input) => ({
      name,
      datatype,
      shape: [1, 1],
      data: [valueOf(row[name], datatype)],
    });
    return JSON.stringify({ inputs: inputs.map(tensor) });
  }

  async #ask(): Promise<void> {
    const url = `${this.server}/v2/models/${this.model}/infer`;
    while (this.#isOpen) {
      const { rows, label } = this.#hours;
      const row = rows[this.#next++ % rows.length] ?? {};
      const body = Traffic.request(this.inputs, row);
      const response = await fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body });
      if (response.ok) {
        this.answered += 1;
        const { id } = (await response.json()) as { id: string };
        this.#labels.push({ id, label: Number(row[label]) });
      } else {
        this.failed += 1;
        await response.arrayBuffer();
      }
      await sleep(5);
    }
  }

  async #tell(): Promise<void> {
    while (this.#isOpen) {
      const labels = this.#labels.splice(0, 1_000);
      if (labels.length > 0) await sendFeedback(this.server, this.model, labels);
      await sleep(200);
    }
  }
}

function valueOf(value: unknown, datatype: string): string | number {
  return datatype === 'BYTES' ? String(value) : Number(value);
}
