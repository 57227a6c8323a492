/** Why a job waits. */
export type ReasonCode =
  /** Its volume is in use, or in a drive that is. */
  | 'WaitVolume'
  /** All drives that will do are in use, or disabled. */
  | 'WaitDrive'
  /** No server that will do is there and has a place. */
  | 'WaitServer'
  /** What is left of its volume, or of those of its group, is reserved for others. */
  | 'WaitCapacity'
  /** All volumes of its group that will do are in use. */
  | 'WaitGroup'
  /** What it needs is kept for a job that is before it. */
  | 'WaitPriority'
  /** It is told to wait until then. */
  | 'WaitTime'
  /** A job that it comes after has not ended. */
  | 'WaitDependency'
  /** The volume may only be read. */
  | 'VolumeReadOnly'
  /** The volume is disabled. */
  | 'VolumeDisabled'
  /** The state of the volume is unknown. */
  | 'VolumeUnknown'
  /** It is not in the inventory, or not in the group, or none is named. */
  | 'NoSuchVolume'
  /** It is not in the inventory. */
  | 'NoSuchGroup'
  /** It is not in the inventory, or does not reach the volume. */
  | 'NoSuchServer'
  /** There is no drive that can handle the volume. */
  | 'NoSuchDrive'
  /** A job that it comes after failed, or was cancelled. */
  | 'DependencyFailed'
  /** The volume, or each of the group, is too full. */
  | 'NoRoom'

/** One of the reasons for which a job waits. */
export interface Reason {
  /** Which of them; it stays the same where the text does not. */
  readonly code: ReasonCode
  /** A sentence that says what would have to change. */
  readonly text: string
  /** Whether nothing changes it but a person who corrects the job or the inventory. */
  readonly isForPerson: boolean
  /** What it is about. */
  readonly concerns: Concern | undefined
}

/** What of the inventory a reason is about, or the jobID of which job. */
export interface Concern {
  /** What it is. */
  readonly kind: 'job' | 'group' | 'volume' | 'drive' | 'server'
  /** Its name in the inventory, or the jobID. */
  readonly name: string
}

export function reasonOf(code: ReasonCode, text: string, concerns?: Concern): Reason {
  const isForPerson = !code.startsWith('Wait')
  return { code, text, isForPerson, concerns }
}
