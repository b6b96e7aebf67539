/** Server-sent events. In: objects with a type. Out: a response whose body grows, and a sign of life in silence. */

import { apiError } from "./errors.ts";
import { type Ended, goneStatus } from "./log.ts";

export type ServerEvent = Readonly<Record<string, unknown>> & { readonly type: string };

type Streamed = {
  /** Sends events; its failure is sent as one. */
  readonly work: (send: (event: ServerEvent) => void) => Promise<void>;
  /** Called when the client has left. */
  readonly onGone: () => void;
  readonly onFailure: (error: unknown) => void;
};

const aliveMs = 15_000;
const headers = { "content-type": "text/event-stream; charset=utf-8", "cache-control": "no-cache" };

/** `event:` lines are there for clients that read events by name. */
function eventText(event: ServerEvent): string {
  return `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`;
}

/**
 * A client that does not read has what it is sent kept for it: of one request that is its transcript, and no more.
 * `facts` is told how it ends: with the status that a reply without events would have had.
 */
export function eventResponse({ work, onGone, onFailure }: Streamed, facts: { ended?: Promise<Ended> }): Response {
  const ended = Promise.withResolvers<Ended>();
  facts.ended = ended.promise;
  const encoder = new TextEncoder();
  let timer: Timer | undefined;
  let isOver = false;
  let [status, bytes] = [200, 0];
  const end = () => {
    clearInterval(timer);
    isOver = true;
    ended.resolve({ status, bytes });
  };
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      const put = (text: string) => {
        if (isOver) return;
        const piece = encoder.encode(text);
        bytes += piece.length;
        controller.enqueue(piece);
      };
      timer = setInterval(() => put(": waiting\n\n"), aliveMs);
      work((event) => put(eventText(event))).catch((error) => {
        onFailure(error);
        const failure = apiError(error);
        status = failure.status;
        put(eventText({ type: "error", ...failure.body }));
      }).finally(() => {
        if (isOver) return;
        end();
        controller.close();
      });
    },
    cancel() {
      status = goneStatus;
      end();
      onGone();
    },
  });
  return new Response(body, { headers });
}
