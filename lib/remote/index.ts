/**
 * fsq/remote: work that travels between machines, fsq(7)'s way: over JSON-RPC, by HTTP.
 *
 * @packageDocumentation
 */
export {}
