/**
 * Checks that each link to a file, in every Markdown file of the project, leads to one, and each `#part` to a heading.
 * `node scripts/check-links.mjs [files...]` (default: all that git knows) prints each broken link as file:line and ends with
 * exit code 1 where there is one.
 */
import { existsSync, readFileSync, statSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { argv } from 'node:process'
import { fileURLToPath } from 'node:url'
import { listedFiles } from './listed-files.mjs'

/** [words](target), [name]: target and the pictures of HTML. */
const LINK = /\]\(\s*<?([^)\s>]+)>?(?:\s+"[^"]*")?\s*\)|^\s{0,3}\[[^\]]+\]:\s+(\S+)|\b(?:src|href)="([^"]+)"/g
const OUTSIDE = /^(?:[a-z][a-z+.-]*:|\/\/)/i
const FENCE = /^\s*(```|~~~)/

/**
 * @param {string} file a Markdown file
 * @returns {string[]} one line a broken link
 */
export function brokenLinks(file) {
  return linksOf(readFileSync(file, 'utf8')).flatMap(({ line, target }) => {
    if (OUTSIDE.test(target)) return []
    const [path = '', part] = target.split('#')
    const place = path === '' ? file : join(dirname(file), decodeURIComponent(path))
    const complaint = complaintAbout(place, part)
    return complaint === null ? [] : [`${relative('.', file)}:${line} ${target}: ${complaint}`]
  })
}

function complaintAbout(place, part) {
  if (!existsSync(place)) return 'there is no such file'
  if (part === undefined || !place.endsWith('.md') || !statSync(place).isFile()) return null
  return headingsOf(readFileSync(place, 'utf8')).has(part) ? null : 'the file has no such heading'
}

/** Lines of prose, code left out. */
function proseOf(text) {
  let fence = null
  return text.split('\n').map((line) => {
    const mark = FENCE.exec(line)?.[1] ?? null
    if (mark !== null && (fence === null || fence === mark)) {
      fence = fence === null ? mark : null
      return ''
    }
    return fence === null ? line : ''
  })
}

function linksOf(text) {
  return proseOf(text).flatMap((line, at) =>
    [...line.replaceAll(/`[^`]*`/g, '').matchAll(LINK)].map((match) => ({
      line: at + 1,
      target: match[1] ?? match[2] ?? match[3],
    })),
  )
}

/** Names of headings as GitHub makes them; a name that is there already gets a number. */
function headingsOf(text) {
  const names = new Map()
  return new Set(
    proseOf(text).flatMap((line) => {
      const words = /^#{1,6}\s+(.*?)\s*#*$/.exec(line)?.[1]
      if (words === undefined) return []
      const name = words
        .replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1')
        .toLowerCase()
        .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
        .replaceAll(/\s/g, '-')
      const count = names.get(name) ?? 0
      names.set(name, count + 1)
      return [count === 0 ? name : `${name}-${count}`]
    }),
  )
}

if (argv[1] === fileURLToPath(import.meta.url)) {
  const root = fileURLToPath(new URL('..', import.meta.url))
  const listed = () => (listedFiles(root) ?? []).filter((path) => path.endsWith('.md')).map((path) => join(root, path))
  // Git lists what was deleted until it is told so.
  const files = (argv.length > 2 ? argv.slice(2) : listed()).filter((path) => existsSync(path))
  const broken = files.flatMap(brokenLinks)
  for (const line of broken) console.log(line)
  console.log(`links: ${files.length} files, ${broken.length} broken`)
  process.exitCode = broken.length === 0 ? 0 : 1
}
