/** A local page of all runs of a folder: nobody but this machine's own browsers reaches it, and it changes nothing. */
import { readFile } from 'node:fs/promises'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { extname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { escapeHtml } from '../report/line-chart.ts'
import { runFiles } from '../report/run-files.ts'
import { runSections, runTitles } from '../report/run-sections.ts'
import { readOptional } from '../report/run-view.ts'
import { expected } from '../vocabulary/fault.ts'
import { fileErrorCode } from '../vocabulary/file-fault.ts'
import { sideBySide } from './side-by-side.ts'
import { watchPage } from './watch-page.ts'
import { type WatchedRun, WatchedRuns } from './watched-runs.ts'

const ADDRESS = '127.0.0.1'
const SCRIPT = new URL(`./page/page${extname(fileURLToPath(import.meta.url))}`, import.meta.url)

const HEADERS = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'cache-control': 'no-store',
}

export interface WatchServer {
  /** `http://127.0.0.1:<port>/`. */
  readonly url: string
  close(): Promise<void>
}

/**
 * @param folder of runs, or of one
 * @param port to listen on; 0 = any that is free
 * @throws UserFault where the port is taken
 */
export async function startWatchServer(folder: string, port: number): Promise<WatchServer> {
  const runs = new WatchedRuns(folder)
  const server = createServer((request, response) => {
    answer(runs, request, response).catch((error: unknown) => {
      send(response, 500, 'text/plain', error instanceof Error ? error.message : String(error))
    })
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) => {
      const code = fileErrorCode(error)
      const remedy = 'Name another --port, or leave it out.'
      reject(code === null ? error : expected('a port that is free', '--port', `${port} (${code})`, remedy))
    })
    server.listen(port, ADDRESS, resolve)
  })
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('Expected a port but received none')
  return {
    url: `http://${ADDRESS}:${address.port}/`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

async function answer(runs: WatchedRuns, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { method, headers, socket } = request
  // A page elsewhere may let its own name point to this address (DNS rebinding): it would ask by that name.
  const names = [ADDRESS, 'localhost'].map((name) => `${name}:${socket.localPort}`)
  if (!names.includes(headers.host ?? '')) {
    return send(response, 403, 'text/plain', `Expected ${names.join(' or ')} for the host.`)
  }
  if (method !== 'GET' && method !== 'HEAD') {
    response.setHeader('allow', 'GET, HEAD')
    return send(response, 405, 'text/plain', 'Expected GET: nothing can be changed here.')
  }
  const { pathname, searchParams } = new URL(`http://${ADDRESS}${request.url ?? '/'}`)
  if (pathname === '/') return send(response, 200, 'text/html', watchPage(runs.folder))
  if (pathname === '/page.js') return send(response, 200, 'text/javascript', await readFile(SCRIPT))
  const all = await runs.list()
  if (pathname === '/runs.json') {
    const list = { folder: runs.folder, runs: all.map(({ summary }) => summary) }
    return send(response, 200, 'application/json', JSON.stringify(list))
  }
  // Only runs that were found are read: no path of the request reaches the disk.
  const chosen = searchParams.getAll('run').map((id) => all.find(({ summary }) => summary.id === id))
  const known = chosen.filter((run) => run !== undefined)
  const [only] = known
  if (only === undefined || known.length < chosen.length) return send(response, 404, 'text/plain', 'No such run.')
  if (pathname === '/view') return send(response, 200, 'text/html', await viewOf(known))
  if (pathname !== '/samples') return send(response, 404, 'text/plain', 'No such page.')
  const png = await readOptional(runFiles(only.view.folder).samples)
  if (png === null) return send(response, 404, 'text/plain', 'The run has no picture.')
  return send(response, 200, 'image/png', png)
}

async function viewOf(chosen: readonly WatchedRun[]): Promise<string> {
  const [only] = chosen
  if (only === undefined || chosen.length > 1) {
    return sideBySide(chosen.map(({ view, summary }) => ({ view, name: summary.id })))
  }
  const { view, summary } = only
  const [title, subtitle] = runTitles(view.config)
  const figures: [string, string][] = [['State', summary.state]]
  if (summary.timeLeft !== null) figures.push(['Time left', summary.timeLeft])
  if (summary.state === 'running' && summary.imagesPerSecond !== null)
    figures.push(['Speed now', `${Math.round(summary.imagesPerSecond)} images/s`])
  const picture = (await readOptional(runFiles(view.folder).samples)) !== null
  const samples = picture ? `/samples?run=${encodeURIComponent(summary.id)}` : null
  const fault = summary.fault === null ? '' : `<p role="alert">${escapeHtml(summary.fault)}</p>\n`
  const sections = runSections(view, { axisChoice: '', figures, samples })
  return `<h2>${escapeHtml(title)}</h2>\n<p class="subtitle">${escapeHtml(subtitle)}</p>\n${fault}${sections}`
}

function send(response: ServerResponse, status: number, type: string, body: string | Uint8Array): void {
  if (response.headersSent) {
    response.destroy()
    return
  }
  response.writeHead(status, { ...HEADERS, 'content-type': `${type}; charset=utf-8` })
  response.end(body)
}
