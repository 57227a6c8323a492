import { BlockList, isIP, isIPv6 } from 'node:net'

const loopback = new BlockList()
loopback.addSubnet('127.0.0.0', 8)
loopback.addAddress('::1', 'ipv6')

/** Whether an address is one that only this machine can reach. */
export function isLoopback(address: string): boolean {
  if (isIP(address) === 0) return false
  return loopback.check(address, isIPv6(address) ? 'ipv6' : 'ipv4')
}
