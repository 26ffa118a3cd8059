import { elementCount } from '../../../vocabulary/shape.ts'
import type { StateLayout, StateRole, StateTensor } from '../../graph/state-layout.ts'

/** Where a tensor lies in a region. */
export interface RegionTensor {
  readonly tensor: StateTensor
  /** Its first element. */
  readonly start: number
}

/** Tensors that are one buffer on the device, one behind the other. */
export interface StateRegion {
  /** Of the tensor, or the role (of an optimizer's states the slot) of all that are in it. */
  readonly name: string
  readonly role: StateRole
  readonly elements: number
  readonly tensors: readonly RegionTensor[]
}

/** Roles whose vectors are one buffer. Of the weights they are not: joining their updates makes the longest chain of kernels longer. */
const SHARED_ROLES: ReadonlySet<StateRole> = new Set(['optimizer', 'statistic', 'frozen'])

/**
 * The buffers of a state on a device. Vectors of each of the optimizer's states, the running averages and what is frozen are one
 * buffer a kind: a start of a program costs the host microseconds for each buffer that it takes and gives back, and most tensors
 * of a network are vectors. Filters and matrices have a buffer each: libraries take no slice of a longer one, so XLA would copy them.
 */
export function regionsOf({ tensors }: StateLayout): StateRegion[] {
  const shares = ({ role, shape }: StateTensor) => shape.length < 2 && SHARED_ROLES.has(role)
  const kindOf = ({ role, slot }: StateTensor) => slot ?? role
  const kinds = new Map(tensors.flatMap((tensor) => (shares(tensor) ? [[kindOf(tensor), tensor.role]] : [])))
  const shared = [...kinds].map(([kind, role]): StateRegion => {
    let elements = 0
    const together = tensors.flatMap((tensor): RegionTensor[] => {
      if (!shares(tensor) || kindOf(tensor) !== kind) return []
      const start = elements
      elements += elementCount(tensor.shape)
      return [{ tensor, start }]
    })
    return { name: `all of ${kind}`, role, elements, tensors: together }
  })
  const own = tensors.flatMap((tensor): StateRegion[] => {
    if (shares(tensor)) return []
    const { name, role, shape } = tensor
    return [{ name, role, elements: elementCount(shape), tensors: [{ tensor, start: 0 }] }]
  })
  return [...shared, ...own]
}
