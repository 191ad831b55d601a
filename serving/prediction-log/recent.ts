/** The newest keys with what is known of them, in two generations: between `most` and twice as many. */
export class Recent<T> {
  readonly #most: number;
  #young = new Map<string, T>();
  #old = new Map<string, T>();

  constructor(most: number) {
    this.#most = most;
  }

  get(key: string): T | undefined {
    return this.#young.get(key) ?? this.#old.get(key);
  }

  set(key: string, value: T): void {
    if (this.#young.size >= this.#most) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#young.set(key, value);
  }

  /** Puts back what a key had before. */
  restore(key: string, value: T | undefined): void {
    this.#young.delete(key);
    if (value === undefined) this.#old.delete(key);
    else this.set(key, value);
  }
}
