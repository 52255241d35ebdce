import { BlockList, isIP } from 'node:net';

/** Addresses that belong to nobody on the internet: private, loopback, link-local, shared, multicast and reserved ones. */
const privateAddresses = new BlockList();
for (const [network, prefix] of [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['224.0.0.0', 3],
] as const) {
  privateAddresses.addSubnet(network, prefix, 'ipv4');
}
for (const [network, prefix] of [
  // The unspecified address, loopback, and IPv4 written inside IPv6 in the ways that a network may translate.
  ['::', 96],
  ['64:ff9b::', 96],
  ['64:ff9b:1::', 48],
  ['2002::', 16],
  ['fc00::', 7],
  ['fe80::', 10],
  ['fec0::', 10],
  ['ff00::', 8],
] as const) {
  privateAddresses.addSubnet(network, prefix, 'ipv6');
}

/** @param address IPv4 or IPv6, without brackets; anything else is not an address, and not private either */
export function isPrivateAddress(address: string): boolean {
  // Of a scoped address ("fe80::1%eth0") the scope says nothing.
  const bare = address.replace(/%.*$/, '');
  const family = isIP(bare);
  // BlockList looks through IPv4-mapped addresses by itself.
  return family !== 0 && privateAddresses.check(bare, family === 4 ? 'ipv4' : 'ipv6');
}

/** `hostname` as URL gives it (IPv4 in any notation already normal, IPv6 in brackets), as an address or a bare name. */
export function bareHost(hostname: string): string {
  return hostname.replace(/^\[|\]$/g, '').replace(/\.$/, '');
}
