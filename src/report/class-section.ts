/** Which classes are taken for which: a table of all classes, and the confusion matrix or its largest entries. */
import type { ClassifierNames } from '../engine/methods/method-definition.ts'
import { type ClassCounts, type ClassifierCounts, classErrors } from './class-counts.ts'
import { escapeHtml } from './line-chart.ts'
import { htmlTable, scrolled } from './report-page.ts'

/** A matrix of more classes is too large to be read. */
const MOST_IN_MATRIX = 20
/** Pairs that are listed instead of it. */
const LISTED_PAIRS = 25

/** Empty where there is nothing to show. */
export function classSection(counts: ClassCounts | null, names: ClassifierNames): string {
  if (counts === null) return ''
  const { step, classes, classifiers } = counts
  const parts = classifiers.map((classifier) => {
    const of = titleOf(classifier, counts, names)
    const matrix =
      classes.length <= MOST_IN_MATRIX
        ? `<div><h4>Confusion matrix</h4>\n${confusionMatrix(classes, classifier, of)}</div>`
        : `<div><h4>Most frequent confusions</h4>\n${confusedPairs(classes, classifier)}</div>`
    return `<h3>${escapeHtml(of)}</h3>\n<div class="tables"><div><h4>Error of each class</h4>\n${errorTable(classes, classifier, of)}</div>${matrix}</div>\n`
  })
  return `<h2>Classes (test images, after step ${step})</h2>\n${parts.join('')}`
}

function titleOf({ name }: ClassifierCounts, { classifiers }: ClassCounts, names: ClassifierNames): string {
  if (name !== '0') return names.ensemble
  return classifiers.length === 1 ? 'network' : `${names.member} 0`
}

function errorTable(classes: readonly string[], classifier: ClassifierCounts, of: string): string {
  const rows = classErrors(classes, classifier).map(({ label, images, error, confusedWith }) => [
    label,
    error.toFixed(1),
    `${images}`,
    confusedWith === null ? '' : `${confusedWith.label} (${confusedWith.images})`,
  ])
  const head = ['class', 'error, %', 'images', 'most often taken for']
  return scrolled(htmlTable(head, rows, true), `Error of each class, ${of}`)
}

function confusedPairs(classes: readonly string[], { counts }: ClassifierCounts): string {
  const wrong = counts.filter(([of, as]) => of !== as).sort((one, other) => other[2] - one[2])
  const rows = wrong
    .slice(0, LISTED_PAIRS)
    .map(([of, as, images]) => [classes[of] ?? `${of}`, classes[as] ?? `${as}`, `${images}`])
  return htmlTable(['class', 'taken for', 'images'], rows, false)
}

/** A row a class, a column what its images were taken for; cells are shaded by their part of the row. */
function confusionMatrix(classes: readonly string[], { counts }: ClassifierCounts, of: string): string {
  const cells = new Map(counts.map(([row, column, images]) => [row * classes.length + column, images]))
  const head = classes.map((label) => `<th scope="col"><span>${escapeHtml(label)}</span></th>`).join('')
  const rows = classes.map((label, row) => {
    const images = classes.map((_, column) => cells.get(row * classes.length + column) ?? 0)
    const all = Math.max(
      1,
      images.reduce((sum, one) => sum + one, 0),
    )
    const own = images.map((one, column) => {
      const kind = row === column ? ' class="right"' : ''
      return `<td${kind} style="--part: ${Math.round((100 * one) / all)}%">${one === 0 ? '·' : one}</td>`
    })
    return `<tr><th scope="row">${escapeHtml(label)}</th>${own.join('')}</tr>`
  })
  const caption = 'Rows: the class; columns: what its images were taken for.'
  const table = `<table class="confusion"><caption>${caption}</caption><tr><td></td>${head}</tr>${rows.join('')}</table>\n`
  return scrolled(table, `Confusion matrix, ${of}`)
}
