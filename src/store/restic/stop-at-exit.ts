/** Stops the restic processes that are still running when this process exits. */

const running = new Set<number>();

/**
 * Remembers a process until the returned function is called. At `process.exit`, and at an uncaught
 * error, it gets SIGINT. Node runs nothing when a signal without a handler ends it: whoever starts
 * the engine turns SIGINT, SIGTERM and SIGHUP into an abort of the store's signal (which also waits for
 * the lock to be removed), or into `process.exit`. After SIGKILL of this process, or where another thread ends it
 * while this one waits for restic, that ends when it next writes to the closed pipe, and may leave a lock that later backups
 * pass by.
 */
export function stopAtExit(pid: number | undefined): () => void {
  if (pid === undefined) return () => {};
  if (running.size === 0) process.on('exit', stopAll);
  running.add(pid);
  return () => {
    running.delete(pid);
    if (running.size === 0) process.off('exit', stopAll);
  };
}

function stopAll(): void {
  for (const pid of running) {
    try {
      process.kill(pid, 'SIGINT');
    } catch {
      // It has ended by itself.
    }
  }
}
