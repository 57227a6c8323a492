/*
 * What fsq has on the servers, apart from the consumers of each queue:
 *
 *   FSQ_WORK      the stream of the items; another for a queue that has one of its own
 *   FSQ_DEAD      the stream of what could not be delivered
 *   fsq_claims    key-value: who of a pool has an item
 *   fsq_lease     key-value: who is alive
 *   fsq_bodies    objects: the bodies that are too large for a message
 *   fsq_nxqueue   key-value: what the servers of a cluster know together (key-values.ts)
 *   fsq_presence  key-value, in memory: the same, as far as it may be lost
 */

export const workStream = 'FSQ_WORK'
export const deadStream = 'FSQ_DEAD'
export const claimsBucket = 'fsq_claims'
export const leaseBucket = 'fsq_lease'
export const bodiesBucket = 'fsq_bodies'
export const valuesBucket = 'fsq_nxqueue'
export const volatileBucket = 'fsq_presence'

/** The subject of which a server tells when it has delivered a message as often as it may. */
export const exhaustedAdvisory = '$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES'

/** The largest body that travels in a message, whatever the server allows: 32 MiB were lost by one. */
export const largestInline = 8 * 1024 * 1024

/** What is left free in a message for subject and headers, in bytes. */
export const headerRoom = 8 * 1024

/** A lease that is not renewed for so long is over, in seconds. */
export const leaseTtl = 5

/** How often a lease is renewed, in seconds. */
export const leaseRenewal = 1
