/** What the browser keeps across reloads; where it may not, what this page keeps for as long as it is open. */
import type { Shelf } from "./outbox";

class Memory implements Shelf {
  readonly #kept = new Map<string, string>();

  get length(): number {
    return this.#kept.size;
  }

  key(index: number): string | null {
    return [...this.#kept.keys()][index] ?? null;
  }

  getItem(key: string): string | null {
    return this.#kept.get(key) ?? null;
  }

  setItem(key: string, value: string): void {
    this.#kept.set(key, value);
  }

  removeItem(key: string): void {
    this.#kept.delete(key);
  }
}

/** Reading `localStorage` throws where the person has forbidden it. */
export function openShelf(open: () => Shelf = () => localStorage): Shelf {
  try {
    return open();
  } catch {
    return new Memory();
  }
}

export const shelf = openShelf();
