import t, { type Test } from 'tap'
import { crc32c, maskedCrc32c } from '../../src/report/crc32c.ts'
import { restartRecord, scalarsRecord, versionRecord } from '../../src/report/tensorboard-event.ts'

type Field = readonly [field: number, value: number | Buffer]

/** Fields of a protobuf message; messages in it stay bytes. */
function decode(bytes: Buffer): Field[] {
  const fields: Field[] = []
  let at = 0
  const varint = () => {
    let value = 0
    for (let shift = 0; ; shift++) {
      const byte = bytes.readUInt8(at++)
      value += (byte & 0x7f) * 2 ** (7 * shift)
      if (byte < 0x80) return value
    }
  }
  while (at < bytes.byteLength) {
    const key = varint()
    const field = key >>> 3
    if ((key & 7) === 0) fields.push([field, varint()])
    else if ((key & 7) === 1) {
      fields.push([field, bytes.readDoubleLE(at)])
      at += 8
    } else if ((key & 7) === 5) {
      fields.push([field, bytes.readFloatLE(at)])
      at += 4
    } else {
      const length = varint()
      fields.push([field, bytes.subarray(at, at + length)])
      at += length
    }
  }
  return fields
}

/** Takes the framing off a record, both checksums compared. */
function unframe(t: Test, record: Uint8Array): Field[] {
  const bytes = Buffer.from(record)
  const length = Number(bytes.readBigUInt64LE(0))
  const data = bytes.subarray(12, 12 + length)
  t.equal(bytes.readUInt32LE(8), maskedCrc32c(bytes.subarray(0, 8)))
  t.equal(bytes.readUInt32LE(12 + length), maskedCrc32c(data))
  t.equal(bytes.byteLength, 16 + length)
  return decode(data)
}

t.test('CRC-32C of the test vectors of RFC 3720, B.4', async (t) => {
  t.equal(crc32c(Buffer.from('123456789')), 0xe3069283)
  t.equal(crc32c(new Uint8Array(32)), 0x8a9136aa)
  t.equal(crc32c(new Uint8Array(32).fill(255)), 0x62a8ab43)
})

t.test('records carry what was put in', async (t) => {
  const version = unframe(t, versionRecord(1234.5))
  t.same(version, [
    [1, 1234.5],
    [3, Buffer.from('brain.Event:2')],
  ])
  const scalars = new Map([
    ['loss/total', 2.5],
    ['loss/distillation', -0.25],
  ])
  const [time, step, summary] = unframe(t, scalarsRecord(1, 300_000_000_000, scalars))
  t.same(
    [time, step],
    [
      [1, 1],
      [2, 300_000_000_000],
    ],
  )
  const values = decode(Buffer.from(summary?.[1] instanceof Buffer ? summary[1] : []))
  t.same(
    values.map(([field, value]) => [field, decode(Buffer.from(value instanceof Buffer ? value : []))]),
    [...scalars].map(([tag, value]) => [
      1,
      [
        [1, Buffer.from(tag)],
        [2, value],
      ],
    ]),
  )
  const restart = unframe(t, restartRecord(2, 41))
  t.same(restart.slice(0, 2), [
    [1, 2],
    [2, 41],
  ])
  t.same(decode(Buffer.from(restart[2]?.[1] instanceof Buffer ? restart[2][1] : [])), [[1, 1]])
})
