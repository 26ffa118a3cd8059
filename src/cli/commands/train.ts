import { trainRun } from '../../api/train.ts'
import { fault } from '../../config/config-fault.ts'
import { findHostPlace } from '../../config/host-place.ts'
import { makeConfig } from '../../config/make-config.ts'
import { givenSettings, hostChoice } from '../given-settings.ts'
import type { Invocation } from '../invocation.ts'
import { runTraining } from './training.ts'

/** `train [recipe]`: everything that is wrong is told before anything is made or loaded. */
export async function trainCommand(invocation: Invocation): Promise<number> {
  const { operands, options, faults } = invocation
  const json = options['json'] === true
  if (options['profile'] === true) return await profile(invocation, json)
  const given = { ...givenSettings(options), ...hostChoice(options), ...(operands[0] && { recipe: operands[0] }) }
  return await runTraining((control, display) => trainRun({ ...given, ...control }, faults, display), json)
}

async function profile({ operands, options, faults }: Invocation, json: boolean): Promise<number> {
  const { place, faults: hostFaults } = findHostPlace(options, process.env)
  const given: Record<string, unknown> = givenSettings(options)
  const profileFaults =
    given['executor'] === 'tfjs'
      ? [fault('--executor cpu', '--profile', '--executor tfjs', 'Leave one of the two out.')]
      : []
  if (place !== null) profileFaults.push(fault('one host', '--profile', `--hosts ${place.hosts}`, 'Add --hosts 1.'))
  const hosts = place === null ? {} : { hosts: place.hosts }
  const config = await makeConfig(operands[0] ?? null, { ...given, ...hosts }, [
    ...faults,
    ...hostFaults,
    ...profileFaults,
  ])
  const { profileTraining } = await import('./profile.ts')
  return await profileTraining(config, json)
}
