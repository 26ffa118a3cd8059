/** Rows as lines of text in aligned columns; a column that is all numbers goes to the right. */
export function textTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const all = [head, ...rows]
  const columns = head.map((_, column) => {
    const cells = rows.map((row) => row[column] ?? '')
    const numeric = cells.length > 0 && cells.every((cell) => /^[-\d.,]*( [kMG]?i?B)?$/.test(cell))
    const width = Math.max(...all.map((row) => (row[column] ?? '').length))
    return { width, numeric }
  })
  const printRow = (row: readonly string[]) =>
    columns
      .map(({ width, numeric }, column) => {
        const cell = row[column] ?? ''
        return numeric ? cell.padStart(width) : cell.padEnd(width)
      })
      .join('  ')
      .trimEnd()
  return all.map(printRow).join('\n')
}

/** `1.5 MiB`. */
export function printBytes(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB']
  const power = bytes < 1 ? 0 : Math.min(units.length - 1, Math.floor(Math.log2(bytes) / 10))
  return `${(bytes / 1024 ** power).toFixed(power === 0 ? 0 : 1)} ${units[power]}`
}
