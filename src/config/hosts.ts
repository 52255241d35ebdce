/** Hosts, with the port where one is stated, of every web address among an integration's settings: where its calls may go. */
export function hostsOf(settings: unknown): string[] {
  if (typeof settings === 'string') {
    const url = URL.parse(settings);
    return url !== null && /^https?:$/.test(url.protocol) ? [url.host] : [];
  }
  if (typeof settings !== 'object' || settings === null) return [];
  return [...new Set(Object.values(settings).flatMap(hostsOf))];
}
