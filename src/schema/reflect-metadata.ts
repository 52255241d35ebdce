/**
 * type-graphql asks the runtime for the types of what it decorates before it looks at the types it was given, and refuses to
 * start when nobody can answer. Here every type is given, so the answer is always "not known". Import this first.
 */
if (!('getMetadata' in Reflect)) {
  Object.defineProperty(Reflect, 'getMetadata', { value: () => undefined, configurable: true, writable: true });
}
