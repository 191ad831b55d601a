/** What pieces of work share, bytes of memory or places: who finds too little of it free waits in line. */
export class Room {
  #free: number;
  readonly #waiting: { readonly amount: number; readonly enter: () => void }[] = [];

  constructor(private readonly size: number) {
    this.#free = size;
  }

  async hold<T>(amount: number, work: () => Promise<T>): Promise<T> {
    const mine = Math.min(amount, this.size);
    if (this.#waiting.length > 0 || mine > this.#free) {
      await new Promise<void>((enter) => this.#waiting.push({ amount: mine, enter }));
    } else this.#free -= mine;
    try {
      return await work();
    } finally {
      this.#free += mine;
      this.#serve();
    }
  }

  #serve(): void {
    for (let first = this.#waiting[0]; first !== undefined && first.amount <= this.#free; first = this.#waiting[0]) {
      this.#waiting.shift();
      this.#free -= first.amount;
      first.enter();
    }
  }
}
