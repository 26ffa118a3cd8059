/** The step benchmark's figures: from times of steps to the table that people read. */

/** One baseline in one mode, over all rounds. */
export interface ModeTimes {
  readonly baseline: string
  readonly mode: string
  /** Milliseconds of each counted step, in order. */
  readonly ms: readonly number[]
  readonly loss: number
  readonly peakRssBytes: number
  /** What it says of how it runs, null = nothing. */
  readonly remark: string | null
  /** Share of convolutions in the step, 0..1; null where the baseline does not tell. */
  readonly convolutionShare: number | null
}

export interface ModeFigures {
  readonly baseline: string
  readonly mode: string
  readonly precision: 'fp32' | 'bf16'
  /** An evaluation pass does other work than a step and is compared with nobody's step. */
  readonly pass: 'training' | 'evaluation'
  readonly n: number
  readonly medianMs: number
  readonly minMs: number
  /** Distance between the quartiles over the median. */
  readonly spread: number
  readonly imagesPerSecond: number
  /** Images per second against PyTorch's best mode of the same precision; null where PyTorch is absent. */
  readonly againstTorch: number | null
  readonly peakRssBytes: number
  /** Peak memory against that of PyTorch's best mode of the same precision; null where PyTorch is absent. */
  readonly memoryAgainstTorch: number | null
  readonly convolutionShare: number | null
}

/** Quantile of sorted numbers, linear between neighbours. */
export function quantile(sorted: readonly number[], share: number): number {
  const place = (sorted.length - 1) * share
  const lower = sorted[Math.floor(place)] ?? Number.NaN
  const upper = sorted[Math.ceil(place)] ?? Number.NaN
  return lower + (upper - lower) * (place - Math.floor(place))
}

/** @param batch images of a step */
export function figuresOf(times: readonly ModeTimes[], batch: number): ModeFigures[] {
  const plain = times.map(({ baseline, mode, ms, peakRssBytes, convolutionShare }) => {
    const sorted = ms.toSorted((left, right) => left - right)
    const medianMs = quantile(sorted, 0.5)
    return {
      baseline,
      mode,
      precision: mode.startsWith('bf16') ? ('bf16' as const) : ('fp32' as const),
      pass: mode.endsWith('-evaluation') ? ('evaluation' as const) : ('training' as const),
      n: ms.length,
      medianMs,
      minMs: quantile(sorted, 0),
      spread: (quantile(sorted, 0.75) - quantile(sorted, 0.25)) / medianMs,
      imagesPerSecond: (batch / medianMs) * 1000,
      peakRssBytes,
      convolutionShare,
    }
  })
  return plain.map((figures) => {
    const torch = plain.filter(({ baseline, precision }) => baseline === 'torch' && precision === figures.precision)
    const best = torch.toSorted((left, right) => left.medianMs - right.medianMs)[0]
    const comparable = best !== undefined && figures.pass === 'training'
    return {
      ...figures,
      againstTorch: comparable ? best.medianMs / figures.medianMs : null,
      memoryAgainstTorch: comparable ? figures.peakRssBytes / best.peakRssBytes : null,
    }
  })
}

const COLUMNS: readonly { readonly title: string; readonly cell: (figures: ModeFigures) => string }[] = [
  { title: 'baseline', cell: ({ baseline }) => baseline },
  { title: 'mode', cell: ({ mode }) => mode },
  { title: 'ms median', cell: ({ medianMs }) => medianMs.toFixed(1) },
  { title: 'min', cell: ({ minMs }) => minMs.toFixed(1) },
  { title: 'spread', cell: ({ spread }) => `${(spread * 100).toFixed(0)} %` },
  { title: 'n', cell: ({ n }) => `${n}` },
  { title: 'images/s', cell: ({ imagesPerSecond }) => imagesPerSecond.toFixed(0) },
  { title: 'x PyTorch', cell: ({ againstTorch }) => againstTorch?.toFixed(2) ?? '-' },
  { title: 'peak MB', cell: ({ peakRssBytes }) => (peakRssBytes / 1e6).toFixed(0) },
  { title: 'x PyTorch', cell: ({ memoryAgainstTorch }) => memoryAgainstTorch?.toFixed(2) ?? '-' },
  { title: 'conv', cell: ({ convolutionShare: share }) => (share === null ? '-' : `${(share * 100).toFixed(0)} %`) },
  { title: 'step/conv', cell: ({ convolutionShare: share }) => (share === null ? '-' : (1 / share).toFixed(2)) },
]

/** A table in Markdown, aligned so that it reads in a terminal too. */
export function printTable(rows: readonly ModeFigures[]): string {
  const cells = [COLUMNS.map(({ title }) => title), ...rows.map((row) => COLUMNS.map(({ cell }) => cell(row)))]
  const widths = COLUMNS.map((_, column) => Math.max(...cells.map((row) => row[column]?.length ?? 0)))
  // The first two columns are words, the others numbers.
  const align = (text: string, column: number) =>
    column < 2 ? text.padEnd(widths[column] ?? 0) : text.padStart(widths[column] ?? 0)
  const line = (row: readonly string[]) => `| ${row.map(align).join(' | ')} |`
  const ruleOf = (width: number, column: number) => (column < 2 ? '-'.repeat(width + 2) : `${'-'.repeat(width + 1)}:`)
  const rule = `|${widths.map(ruleOf).join('|')}|`
  const [head = [], ...body] = cells
  return [line(head), rule, ...body.map(line)].join('\n')
}
