/** One call at a time, for however many ask. */
export function sharedCall<T>(call: () => Promise<T>): () => Promise<T> {
  let running: Promise<T> | undefined;
  return () => {
    running ??= call().finally(() => (running = undefined));
    return running;
  };
}
