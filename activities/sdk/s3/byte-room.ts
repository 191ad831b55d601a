/** Memory that transfers share: who finds too little of it free waits in line. */
export class ByteRoom {
  #free: number;
  readonly #waiting: { readonly bytes: number; readonly enter: () => void }[] = [];

  constructor(private readonly mostBytes: number) {
    this.#free = mostBytes;
  }

  async hold<T>(bytes: number, work: () => Promise<T>): Promise<T> {
    const mine = Math.min(bytes, this.mostBytes);
    if (this.#waiting.length > 0 || mine > this.#free) {
      await new Promise<void>((enter) => this.#waiting.push({ bytes: mine, enter }));
    } else this.#free -= mine;
    try {
      return await work();
    } finally {
      this.#free += mine;
      this.#serve();
    }
  }

  #serve(): void {
    for (let first = this.#waiting[0]; first !== undefined && first.bytes <= this.#free; first = this.#waiting[0]) {
      this.#waiting.shift();
      this.#free -= first.bytes;
      first.enter();
    }
  }
}
