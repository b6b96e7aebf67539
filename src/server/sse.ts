/** Server-sent events. In: objects with a type. Out: a response whose body grows, and a sign of life in silence. */

export type ServerEvent = Readonly<Record<string, unknown>> & { readonly type: string };

const aliveMs = 15_000;

/** `event:` lines are there for clients that read events by name. */
export function eventText(event: ServerEvent): string {
  return `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`;
}

/**
 * `work` sends events; its failure is sent as one. `onGone` is called when the client has left. A client that does not
 * read has what it is sent kept for it: of one request that is its transcript, and no more.
 */
export function eventStream(
  work: (send: (event: ServerEvent) => void) => Promise<void>,
  failed: (error: unknown) => ServerEvent | undefined,
  onGone: () => void,
): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  let timer: Timer | undefined;
  let isOver = false;
  return new ReadableStream({
    start(controller) {
      const put = (text: string) => isOver || controller.enqueue(encoder.encode(text));
      timer = setInterval(() => put(": waiting\n\n"), aliveMs);
      const end = () => {
        clearInterval(timer);
        if (!isOver) controller.close();
        isOver = true;
      };
      work((event) => put(eventText(event))).catch((error) => {
        const event = failed(error);
        if (event) put(eventText(event));
      }).finally(end);
    },
    cancel() {
      isOver = true;
      clearInterval(timer);
      onGone();
    },
  });
}
