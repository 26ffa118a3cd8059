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
