/**
 * Waits for all of them, also where one fails: whoever hears of a failure may start anew, and so may another publisher,
 * so nothing may be under way then.
 *
 * @throws the first failure, in the order given
 */
export async function together<T>(work: Promise<T>[]): Promise<T[]> {
  const ended = await Promise.allSettled(work);
  return ended.map((one) => {
    if (one.status === 'rejected') throw one.reason;
    return one.value;
  });
}
