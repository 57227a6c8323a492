/** A map whose values are made when they are asked for, once. */
export class LazyMap<K, V> implements ReadonlyMap<K, V> {
  readonly #made = new Map<K, V>()

  constructor(private readonly makers: ReadonlyMap<K, () => V>) {}

  get size(): number {
    return this.makers.size
  }

  has(key: K): boolean {
    return this.makers.has(key)
  }

  get(key: K): V | undefined {
    const make = this.makers.get(key)
    return make && this.#value(key, make)
  }

  forEach(call: (value: V, key: K, map: ReadonlyMap<K, V>) => void, self?: unknown): void {
    for (const [key, value] of this) call.call(self, value, key, this)
  }

  *entries(): MapIterator<[K, V]> {
    for (const [key, make] of this.makers) yield [key, this.#value(key, make)]
  }

  keys(): MapIterator<K> {
    return this.makers.keys()
  }

  *values(): MapIterator<V> {
    for (const [, value] of this) yield value
  }

  [Symbol.iterator](): MapIterator<[K, V]> {
    return this.entries()
  }

  #value(key: K, make: () => V): V {
    if (this.#made.has(key)) return this.#made.get(key) as V
    const value = make()
    this.#made.set(key, value)
    return value
  }
}
