/**
 * `node scripts/check-pjrt-abi.mjs <pjrt_c_api.h>`: compares native/pjrt/abi.hpp with the published header of the PJRT C
 * API, every place in its table of functions and every offset of every structure, by letting the compiler assert them.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { compiler } from './setup/compiler.mjs'
import { inRoot } from './setup/places.mjs'
import { runCommand } from './setup/run-command.mjs'

/** Our structure -> the header's, where the names do not follow from each other. */
const STRUCTURES = {
  Version: 'PJRT_Api_Version',
  NamedValue: 'PJRT_NamedValue',
  Program: 'PJRT_Program',
  ExecuteOptions: 'PJRT_ExecuteOptions',
  ClientTextArgs: 'PJRT_Client_PlatformName_Args',
  KeyValueGetArgs: 'PJRT_KeyValueGetCallback_Args',
  KeyValueTryGetArgs: 'PJRT_KeyValueTryGetCallback_Args',
  KeyValuePutArgs: 'PJRT_KeyValuePutCallback_Args',
  BufferFromHostBufferArgs: 'PJRT_Client_BufferFromHostBuffer_Args',
  ExecuteArgs: 'PJRT_LoadedExecutable_Execute_Args',
  DeserializeAndLoadArgs: 'PJRT_Executable_DeserializeAndLoad_Args',
}
/** Objects of the API, whose functions are named `PJRT_<object>_<verb>`; longest first. */
const OBJECTS = [
  'TopologyDescription',
  'LoadedExecutable',
  'DeviceDescription',
  'Executable',
  'Plugin',
  'Client',
  'Device',
  'Buffer',
  'Event',
  'Error',
]

const [header] = process.argv.slice(2)
if (header === undefined) {
  console.error('Expected the path of pjrt_c_api.h. TensorFlow wheels hold one.')
  process.exit(2)
}
const own = readFileSync(inRoot('native/pjrt/abi.hpp'), 'utf8')
const theirs = readFileSync(header, 'utf8').replaceAll(/\/\/[^\n]*/g, '')

const capital = (name) => name[0].toUpperCase() + name.slice(1)
/** `clientCompile` -> `PJRT_Client_Compile`. */
function apiName(name) {
  const whole = capital(name)
  const object = OBJECTS.find((candidate) => whole.startsWith(candidate))
  return object === undefined ? `PJRT_${whole}` : `PJRT_${object}_${whole.slice(object.length)}`
}

/** Names of a structure's members in their order; a union counts as one. */
function membersOf(text, name) {
  const body = new RegExp(`struct ${name} \\{([\\s\\S]*?)\\n\\}`).exec(text)?.[1]
  if (body === undefined) throw new Error(`Expected a structure ${name}`)
  const flat = body
    .replaceAll(/\/\/\/?[^\n]*/g, '')
    .replaceAll(/union \{[^}]*\}\s*(\w*)/g, (_, own) => `int ${own || 'string_value'}`)
  return flat
    .split(';')
    .map((line) => /\(\*(\w+)\)|(\w+)(?:\[\d+\])?\s*$/.exec(line.trim()))
    .flatMap((match) => (match === null ? [] : [match[1] ?? match[2]]))
}

const asserts = []
for (const [, slot, place] of own.matchAll(/^ {2}(\w+) = (\d+),$/gm)) {
  asserts.push(
    `static_assert(offsetof(PJRT_Api, ${apiName(slot)}) == offsetof(PJRT_Api, PJRT_Error_Destroy) + ${place} * sizeof(void*), "${slot}");`,
  )
}
for (const [, name] of own.matchAll(/^struct (\w+) \{$/gm)) {
  if (name === 'Head' || name === 'Api') continue
  const official = STRUCTURES[name] ?? `${apiName(name.replace(/Args$/, ''))}_Args`
  const mine = membersOf(own, name).slice(1)
  const members = membersOf(theirs, official).slice(2)
  if (mine.length > members.length) throw new Error(`${name} has ${mine.length} members, ${official} ${members.length}`)
  mine.forEach((member, place) => {
    asserts.push(
      `static_assert(offsetof(pjrt::${name}, ${member}) == offsetof(${official}, ${members[place]}), "${name}.${member}");`,
    )
  })
}

const folder = mkdtempSync(join(tmpdir(), 'pjrt-abi-'))
try {
  const source = join(folder, 'check.cpp')
  const includes = [resolve(header), inRoot('native/pjrt/abi.hpp')].map((path) => `#include "${path}"`)
  writeFileSync(source, ['#include <cstddef>', ...includes, ...asserts, ''].join('\n'))
  const { status, output } = await runCommand(compiler, ['-std=c++17', '-fsyntax-only', source])
  console.log(status === 0 ? `${asserts.length} places and offsets agree` : output)
  process.exitCode = status === 0 ? 0 : 1
} finally {
  rmSync(folder, { recursive: true })
}
