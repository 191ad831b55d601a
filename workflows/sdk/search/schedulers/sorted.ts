/** A list kept in order. Adding shifts what comes after it, which for thousands of items is cheaper than any tree. */
export class Sorted<Item> {
  private readonly items: Item[] = [];

  /** Below 0 where `a` comes first; 0 for equal items only. */
  constructor(private readonly compare: (a: Item, b: Item) => number) {}

  get size(): number {
    return this.items.length;
  }

  get first(): Item | undefined {
    return this.items[0];
  }

  add(item: Item): void {
    this.items.splice(this.rank(item), 0, item);
  }

  takeFirst(): Item | undefined {
    return this.items.shift();
  }

  at(index: number): Item | undefined {
    return this.items[index];
  }

  /** How many come before the item, whether or not it is in the list. */
  rank(item: Item): number {
    let from = 0;
    let to = this.items.length;
    while (from < to) {
      const middle = (from + to) >>> 1;
      if (this.compare(this.items[middle] as Item, item) < 0) from = middle + 1;
      else to = middle;
    }
    return from;
  }
}
