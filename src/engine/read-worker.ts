/** A thread that reads ranges of tables, in a view of its own that lasts until it is told to end. */
import {setImmediate as turn} from 'node:timers/promises';
import {parentPort, workerData, type MessagePort} from 'node:worker_threads';
import {openSqlite} from '../database/sqlite/database.ts';
import {collectEarly} from './collect-early.ts';
import {PARALLEL_BYTES_MAX} from '../kernel/read-limits.ts';
import type {ChunkSink} from '../snapshot/chunk.ts';
import type {RangeRequest, ReaderAnswer, ReaderData, ReaderRequest} from './read-messages.ts';
import {readRange, type RangeReader} from './read-range.ts';

/** Waits while more is on its way than its receiver shall have to hold. */
class Outbox {
  #underWay = 0;
  #freed: (() => void) | undefined;

  async wait(bytes: number): Promise<void> {
    this.#underWay += bytes;
    while (this.#underWay > PARALLEL_BYTES_MAX)
      await new Promise<void>((resolve) => (this.#freed = resolve));
  }

  kept(bytes: number): void {
    this.#underWay -= bytes;
    this.#freed?.();
  }
}

/** Memory that goes over to another thread is gone here; and small chunks share theirs. */
function alone(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const {buffer} = bytes;
  const isAlone = buffer instanceof ArrayBuffer && buffer.byteLength === bytes.byteLength;
  return isAlone ? new Uint8Array(buffer) : new Uint8Array(bytes);
}

/** Whatever goes wrong here is said in one word: who asked reads again by itself, and finds out what it is. */
async function serve(port: MessagePort, {source, known}: ReaderData): Promise<void> {
  const say = (answer: ReaderAnswer, moved: readonly ArrayBuffer[] = []): void =>
    port.postMessage(answer, moved);
  const outbox = new Outbox();
  const sink: ChunkSink = async (entry, bytes) => {
    if (known === undefined || known.has(entry.digest)) return;
    const moved = alone(bytes);
    const size = moved.byteLength;
    say({entry, bytes: moved}, [moved.buffer]);
    await outbox.wait(size);
  };
  const database = openSqlite(source);
  await database.view(async (view) => {
    await view.schema(); // the first read begins the view
    const answer = async ({shape, prints, ...asked}: RangeRequest): Promise<void> => {
      const reader: RangeReader = {
        shape,
        view,
        prints: prints ? view.prints(shape) : undefined,
        sink,
        isKept: (digest) => known?.has(digest) ?? true,
        watched: (pages) => pages,
        passed: async () => turn(),
      };
      try {
        say((await readRange(reader, asked)) ?? {failed: true});
      } catch {
        say({failed: true});
      }
      await turn(); // an end may have been asked for
    };
    let answered = Promise.resolve();
    const ended = new Promise<void>((resolve) => {
      port.on('message', (request: ReaderRequest) => {
        if ('end' in request) resolve();
        else if ('kept' in request) outbox.kept(request.kept);
        else answered = answered.then(async () => answer(request));
      });
    });
    say({begun: true});
    await ended;
  });
  await database.close();
  port.close();
}

if (parentPort !== null) {
  collectEarly();
  await serve(parentPort, workerData as ReaderData);
}
