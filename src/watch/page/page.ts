/** The page's script: asks for the list every two seconds, and for what is chosen where that has something new. */
import type { RunSummary } from '../run-summary.ts'

const EVERY_MS = 2000

const status = element('#status', HTMLElement)
const rows = element('#runs tbody', HTMLElement)
const view = element('#view', HTMLElement)

function element<Kind extends HTMLElement>(selector: string, kind: new () => Kind): Kind {
  const found = document.querySelector(selector)
  if (found instanceof kind) return found
  throw new Error(`Expected ${selector} in the page but received none`)
}

/** Chosen runs stand in the address, so that a reload or a bookmark shows the same. */
function chosenRuns(): string[] {
  return new URLSearchParams(location.hash.slice(1)).getAll('run')
}

function choose(ids: readonly string[]): void {
  const parameters = new URLSearchParams(ids.map((id) => ['run', id]))
  history.replaceState(null, '', `#${parameters}`)
}

interface Row {
  readonly element: HTMLTableRowElement
  readonly box: HTMLInputElement
  readonly cells: readonly HTMLTableCellElement[]
}

const known = new Map<string, Row>()

function rowOf(id: string): Row {
  const before = known.get(id)
  if (before !== undefined) return before
  const row = document.createElement('tr')
  const box = document.createElement('input')
  box.type = 'checkbox'
  box.id = `show ${id}`
  box.addEventListener('change', () => {
    const others = chosenRuns().filter((other) => other !== id)
    choose(box.checked ? [...others, id] : others)
    void refresh()
  })
  row.insertCell().append(box)
  const label = document.createElement('label')
  label.htmlFor = box.id
  label.textContent = id
  row.insertCell().append(label)
  const cells = Array.from({ length: 7 }, () => row.insertCell())
  for (const cell of cells.slice(1, 6)) cell.className = 'number'
  rows.append(row)
  const made = { element: row, box, cells }
  known.set(id, made)
  return made
}

const digits = (value: number | null, places: number) => (value === null ? '' : value.toFixed(places))

function showList(runs: readonly RunSummary[], chosen: readonly string[]): void {
  for (const [id, { element: row }] of known) {
    if (runs.some((run) => run.id === id)) continue
    row.remove()
    known.delete(id)
  }
  for (const run of runs) {
    const { box, cells } = rowOf(run.id)
    box.checked = chosen.includes(run.id)
    const epoch =
      run.epoch === null
        ? `step ${run.step}`
        : `${digits(run.epoch, 1)}${run.epochs === null ? '' : ` of ${run.epochs}`}`
    const state = run.fault === null ? run.state : 'damaged'
    const texts = [
      state,
      epoch,
      digits(run.error, 2),
      digits(run.best, 2),
      digits(run.imagesPerSecond, 0),
      run.timeLeft ?? '',
      run.title,
    ]
    for (const [place, cell] of cells.entries()) {
      const text = texts[place] ?? ''
      if (cell.textContent !== text) cell.textContent = text
    }
  }
}

/** What a screen reader says: how each chosen run stands, anew where an epoch or a run has ended. */
function describe(folder: string, runs: readonly RunSummary[], chosen: readonly string[]): string {
  if (runs.length === 0) return `No runs in ${folder} yet. The page looks again every two seconds.`
  const words = runs
    .filter(({ id }) => chosen.includes(id))
    .map(({ id, state, epoch, error }) => {
      const after = epoch === null ? '' : `, ${Math.floor(epoch)} epochs done`
      return `${id}: ${state}${after}${error === null ? '' : `, test error ${error.toFixed(2)} %`}`
    })
  return words.length === 0 ? 'No run is chosen.' : `${words.join('; ')}.`
}

/** The new content, with what the reader had scrolled, and the focus, where it was. */
function showView(html: string): void {
  const regions = () => [...view.querySelectorAll('.scroll')]
  const scrolled = regions().map((one) => [one.scrollTop, one.scrollLeft] as const)
  const { activeElement } = document
  const focused = activeElement === null ? -1 : regions().indexOf(activeElement)
  view.innerHTML = html
  for (const [place, one] of regions().entries()) {
    const [top = 0, left = 0] = scrolled[place] ?? []
    one.scrollTop = top
    one.scrollLeft = left
    if (place === focused && one instanceof HTMLElement) one.focus({ preventScroll: true })
  }
}

let shown = ''

async function refresh(): Promise<void> {
  try {
    const list: { folder: string; runs: RunSummary[] } = await (await ask('/runs.json')).json()
    const { folder, runs } = list
    const there = chosenRuns().filter((id) => runs.some((run) => run.id === id))
    const first = runs.find(({ state }) => state === 'running') ?? runs.at(-1)
    const chosen = location.hash === '' && first !== undefined ? [first.id] : there
    if (location.hash === '' && first !== undefined) choose(chosen)
    showList(runs, chosen)
    const words = describe(folder, runs, chosen)
    if (status.textContent !== words) status.textContent = words
    const wanted = JSON.stringify(chosen.map((id) => [id, runs.find((run) => run.id === id)?.version]))
    if (wanted === shown) return
    const query = new URLSearchParams(chosen.map((id) => ['run', id]))
    const html = chosen.length === 0 ? '' : await (await ask(`/view?${query}`)).text()
    showView(html)
    shown = wanted
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    status.textContent = `native-ensemble watch does not answer (${reason}). Start it again; this page then goes on.`
  }
}

async function ask(path: string): Promise<Response> {
  const response = await fetch(path)
  if (!response.ok) throw new Error(`${response.status}: ${await response.text()}`)
  return response
}

async function keepUp(): Promise<void> {
  await refresh()
  setTimeout(() => void keepUp(), EVERY_MS)
}

addEventListener('hashchange', () => void refresh())
void keepUp()
