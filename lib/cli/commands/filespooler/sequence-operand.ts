import { reasonOf } from '../../../errors.js'
import { UsageError } from '../../usage-error.js'
import { sequenceNumber } from './fspl-command.js'

/** The operand of a command that takes the number of a job. */
export function sequenceOperand([given = '']: readonly string[]): bigint {
  try {
    return sequenceNumber(given)
  } catch (error) {
    throw new UsageError(reasonOf(error))
  }
}
