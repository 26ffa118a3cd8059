import { existsSync } from 'node:fs'
import { inRoot } from './places.mjs'
import { filesBelow, hashOfFiles, readStamp, removeStamp, writeStamp } from './stamp.mjs'

const PAGE = 'dist/web/page.js'
const ENTRY = 'dist/src/deploy/web/page/page.js'

/**
 * Puts the page of `export --format web` and what it uses of TensorFlow.js into one script, where one of them changed.
 * @returns {Promise<string | null>} what was done, null where nothing was to do
 */
export async function buildWebPage() {
  const sources = ['src/deploy', 'src/data/images'].flatMap((folder) => filesBelow(folder, ['.ts']))
  const key = hashOfFiles([...sources, 'package-lock.json', 'scripts/setup/web-page.mjs'])
  if (existsSync(inRoot(PAGE)) && readStamp('web-page')?.key === key) return null
  removeStamp('web-page')
  await bundlePage(inRoot(ENTRY), inRoot(PAGE))
  writeStamp('web-page', { key })
  return 'page for browsers put together'
}

/** @param {string} entry the compiled page @param {string} outfile the one script that it becomes */
export async function bundlePage(entry, outfile) {
  const { build } = await import('esbuild')
  await build({
    entryPoints: [entry],
    outfile,
    nodePaths: [inRoot('node_modules')],
    bundle: true,
    minify: true,
    format: 'iife',
    platform: 'browser',
    target: 'es2022',
    legalComments: 'inline',
    logLevel: 'error',
  })
}
