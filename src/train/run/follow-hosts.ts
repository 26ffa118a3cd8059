/** Training on a host that is not rank 0: its part of each batch, as the leader tells; it writes nothing. */
import { checkConfig } from '../../config/check-config.ts'
import { takeOwnAgain } from '../../config/own-modules.ts'
import type { RunConfig } from '../../config/run-config.ts'
import type { LoadedDataset } from '../../data/datasets/dataset.ts'
import type { HostFollower } from '../hosts/host-follower.ts'
import { withOwnSettings } from '../hosts/shared-settings.ts'
import { stateDigest } from '../hosts/state-digest.ts'
import { printImages } from './lead-hosts.ts'
import { findImages } from './run-images.ts'
import { beginRun, openSession, type Session } from './session.ts'

/**
 * Takes part in the leader's runs (a teacher's first, where there is one) until it says that there are no further.
 * @param own settings that this host has for itself
 * @param loadImages begins to read a run's images
 * @throws what failed on this host, or how the leader ended
 */
export async function followHosts(
  hosts: HostFollower,
  own: Partial<RunConfig>,
  loadImages: (config: RunConfig) => Promise<LoadedDataset>,
): Promise<'finished' | 'interrupted'> {
  let images: Promise<LoadedDataset> | null = null
  try {
    for (;;) {
      const told = await hosts.next()
      if (told.kind === 'finished') return told.ended
      if (told.kind !== 'begin') throw unexpected(told.kind)
      if (typeof told.config === 'object' && told.config !== null) await takeOwnAgain({ ...told.config }, {}, 'the run')
      const settings = checkConfig(told.config, new Set(), "the leader's settings")
      const config = own.data ? withOwnSettings(settings, own) : await findImages(withOwnSettings(settings, own))
      // A student sees its teacher's images.
      images ??= loadImages(config)
      await followRun(hosts, config, told.token, images)
    }
  } catch (error) {
    throw await hosts.explain(error)
  }
}

async function followRun(
  hosts: HostFollower,
  config: RunConfig,
  token: string,
  images: Promise<LoadedDataset>,
): Promise<void> {
  const links = await hosts.link(config, token)
  const { prepared, replicas } = await beginRun(config, images, 'train', (_, state) => takeState(hosts, state), links)
  const abandon = () => replicas.abandon()
  hosts.failed.addEventListener('abort', abandon)
  try {
    await hosts.ready(printImages(prepared.dataset))
    const session = await openSession(prepared, replicas)
    try {
      await followSteps(hosts, session)
      await hosts.ended(stateDigest(config, prepared.state))
    } catch (error) {
      // A replica may wait for a partner that will not come.
      abandon()
      throw error
    } finally {
      await session.close()
    }
  } finally {
    hosts.failed.removeEventListener('abort', abandon)
    await replicas.stop()
  }
}

/** The leader's state in pieces, until it is whole. */
async function takeState(hosts: HostFollower, state: SharedArrayBuffer): Promise<void> {
  const target = new Uint8Array(state)
  for (let taken = 0; taken < target.length; ) {
    const told = await hosts.next()
    if (told.kind !== 'state') throw unexpected(told.kind)
    target.set(told.bytes, told.offset)
    taken += told.bytes.length
  }
}

/** Steps begin as they are told and end in their order; the leader never tells more than a few ahead. */
async function followSteps(hosts: HostFollower, session: Session): Promise<void> {
  const failed = new AbortController()
  const failure = new Promise<never>((_, reject) => {
    failed.signal.addEventListener('abort', () => reject(failed.signal.reason))
  })
  failure.catch(() => undefined)
  let slots: Promise<unknown> = Promise.resolve()
  const running = new Set<Promise<void>>()
  for (;;) {
    const told = await Promise.race([hosts.next(), failure])
    switch (told.kind) {
      case 'pass':
        session.openEpoch(told.epoch, told.firstBatch)
        break
      case 'step': {
        const assigned = slots.then(() => session.pipeline.next())
        slots = assigned
        const step = runStep(hosts, session, assigned, told.scalars)
        running.add(step)
        step.then(
          () => running.delete(step),
          (error: unknown) => failed.abort(session.pipeline.failure ?? error),
        )
        break
      }
      case 'fetch':
        // After the steps before were started, which may wait for a slot.
        slots.then(
          () => session.fetchOutputs(),
          () => undefined,
        )
        break
      case 'end':
        await slots
        session.fetchOutputs()
        await Promise.all(running)
        return
      default:
        throw unexpected(told.kind)
    }
  }
}

async function runStep(
  hosts: HostFollower,
  session: Session,
  assigned: ReturnType<Session['pipeline']['next']>,
  scalars: readonly number[],
): Promise<void> {
  const taken = await assigned
  if (taken === null) throw new Error("Expected a batch for the leader's step but the pass is at its end")
  const { read, outputs } = session.trainStep(taken.slot, scalars)
  await read
  session.pipeline.release(taken.slot)
  await hosts.ran(await outputs)
}

function unexpected(kind: string): Error {
  return new Error(`Expected what comes next of the leader but received ${kind}`)
}
