// Prints how long the first pass of a process takes, in milliseconds.
import { plan } from '../../dist/adapters/nxqueue/plan.js'
import { largeCluster } from './large-cluster.mjs'

const cluster = largeCluster()
const begin = performance.now()
plan(...cluster)
console.log(performance.now() - begin)
