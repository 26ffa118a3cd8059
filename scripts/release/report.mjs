/** What a release weighs and how long it takes to the first step, kept as results/README.md says. */
import { statSync } from 'node:fs'
import { cpus } from 'node:os'
import { inRoot } from '../setup/places.mjs'
import { runCommand } from '../setup/run-command.mjs'
import { buildTypeScript } from '../setup/typescript.mjs'
import { installAndTrain, readBuilds } from './checks.mjs'
import { makeEmptyProject } from './empty-project.mjs'

/** Installations that are timed, the one of the checks among them. */
const TIMES = 3

/** @returns {Promise<string>} what is to be told of it */
export async function writeReport({ out, what, archives, files, times, project }) {
  await buildTypeScript()
  const { makeResultFolder, readResultOptions, writeResult } = await import(inRoot('dist/bench/write-result.js'))
  const all = [times]
  while (all.length < TIMES) {
    const another = await makeEmptyProject()
    try {
      all.push(await installAndTrain(another))
    } finally {
      another.remove()
    }
  }
  const { glibc, addons } = readBuilds(project)
  const packages = await Promise.all(archives.map(describeArchive))
  const machine = {
    cpu: cpus()[0]?.model,
    cores: cpus().length,
    node: process.versions.node,
    npm: (await runCommand('npm', ['--version'])).stdout.trim(),
  }
  const run = { machine, glibc, addons, packages, times: all, files }
  const folder = makeResultFolder(readResultOptions({ out, what }), {
    bench: 'install',
    subject: `${process.platform}-${process.arch}`,
  })
  return writeResult(folder, reportOf(run), run)
}

async function describeArchive(name) {
  const path = inRoot(`release/${name}`)
  const { stdout } = await runCommand('tar', ['-tzvf', path])
  const lines = stdout.trim().split('\n')
  const sizes = lines.map((line) => Number(line.split(/\s+/)[2]))
  return { name, bytes: statSync(path).size, files: lines.length, unpacked: sizes.reduce((sum, size) => sum + size, 0) }
}

const megabytes = (bytes) => (bytes / 1e6).toFixed(2)

function reportOf({ machine, glibc, addons, packages, times, files }) {
  const ofTimes = (name) => {
    const sorted = times.map((one) => one[name]).sort((one, other) => one - other)
    return `| ${sorted[Math.floor(sorted.length / 2)].toFixed(2)} | ${sorted[0].toFixed(2)} to ${sorted.at(-1).toFixed(2)} |`
  }
  const folders = new Map()
  for (const path of files) {
    const folder = path.includes('/')
      ? path
          .split('/')
          .slice(0, 3)
          .slice(0, path.split('/').length - 1)
          .join('/')
      : path
    folders.set(folder, (folders.get(folder) ?? 0) + 1)
  }
  return `# Installation from the tarballs

${machine.cpu}, ${machine.cores} cores, Node ${machine.node}, npm ${machine.npm}. An empty project; PATH has Node, npm and a shell.
Prebuilt addons load with glibc ${glibc} or newer (measured from their symbols).

| tarball | MB | files | MB unpacked |
|---|---|---|---|
${packages.map(({ name, bytes, files: count, unpacked }) => `| ${name} | ${megabytes(bytes)} | ${count} | ${megabytes(unpacked)} |`).join('\n')}

| seconds, of ${times.length} installations | median | all |
|---|---|---|
| \`npm install\` of the tarballs and their dependencies ${ofTimes('installSeconds')}
| from \`npx native-ensemble train\` to the first step's line in metrics.jsonl ${ofTimes('firstStepSeconds')}

Prebuilt: ${Object.entries(addons)
    .map(([name, levels]) => `\`${name}\` for ${Object.keys(levels).join(', ')}`)
    .join('; ')}.

The package's files by folder; run.json lists each:

| folder | files |
|---|---|
${[...folders].map(([folder, count]) => `| ${folder} | ${count} |`).join('\n')}
`
}
