/**
 * The first host of SLURM's compressed list: `node[03-05,9],gpu1` begins with node03, `rack[1-2]n[4,7]x` with rack1n4x.
 * null for a list that names none.
 */
export function firstOfNodeList(list: string): string | null {
  let name = ''
  for (let at = 0; at < list.length; at++) {
    const character = list.charAt(at)
    if (character === ',') break
    if (character !== '[') {
      name += character
      continue
    }
    const end = list.indexOf(']', at)
    const first = /^(\d+)/.exec(list.slice(at + 1, Math.max(end, at)))?.[1]
    if (first === undefined) return null
    name += first
    at = end
  }
  return name.trim() === '' ? null : name.trim()
}
