/** Names of a graph's nodes and constants, each given once: a second one of a name gets a number. */
export class FreshNames {
  readonly #taken = new Set<string>()

  /** @returns `wanted`, or it with `_1`, `_2`, ... where it is taken */
  take(wanted: string): string {
    let name = wanted
    for (let again = 1; this.#taken.has(name); again++) name = `${wanted}_${again}`
    this.#taken.add(name)
    return name
  }
}
