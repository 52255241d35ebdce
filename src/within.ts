/**
 * What the work comes to, if that is soon enough. The work itself goes on, unheard.
 * @param late what is said when it is not
 * @throws when it takes longer, or what the work throws
 */
export async function within<Value>(ms: number, work: Promise<Value>, late = 'There was no answer'): Promise<Value> {
  const { promise: expiry, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error(`${late} within ${ms} ms.`)), ms).unref();
  try {
    return await Promise.race([work, expiry]);
  } finally {
    clearTimeout(timer);
  }
}
