/**
 * `npm run check:manifest`: examples/kubernetes/job.yaml against Kubernetes' own schema of a Job (npm's kubernetes-models, made
 * from its OpenAPI description), and against its types for fields that there are none of. Fetches the package, 33 MB, each time.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parse } from 'yaml'
import { inRoot } from './setup/places.mjs'
import { runCommand } from './setup/run-command.mjs'

const MODELS = 'kubernetes-models@4.5.1'

/** @returns {Promise<string>} what the program wrote */
async function run(program, args, cwd) {
  const { status, output } = await runCommand(program, args, { cwd })
  if (status !== 0) throw new Error(`${program} ${args.join(' ')}: ${status}\n${output}`)
  return output
}

const folder = mkdtempSync(join(tmpdir(), 'manifest-'))
try {
  const manifest = parse(readFileSync(inRoot('examples/kubernetes/job.yaml'), 'utf8'))
  writeFileSync(join(folder, 'package.json'), '{"type": "module"}')
  await run('npm', ['install', '--no-audit', '--no-fund', MODELS], folder)
  const { Job } = createRequire(join(folder, 'package.json'))('kubernetes-models/batch/v1')
  new Job(manifest).validate()
  // Excess properties of a literal are errors of types.
  const source = `import type { IJob } from 'kubernetes-models/batch/v1'\nexport const job: IJob = ${JSON.stringify(manifest)}\n`
  writeFileSync(join(folder, 'job.ts'), source)
  const options = ['--noEmit', '--strict', '--skipLibCheck', '--module', 'nodenext', 'job.ts']
  await run(process.execPath, [inRoot('node_modules/typescript/bin/tsc'), ...options], folder)
  process.stdout.write(`examples/kubernetes/job.yaml is a Job by ${MODELS}\n`)
} finally {
  rmSync(folder, { recursive: true, force: true })
}
