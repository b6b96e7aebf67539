/** The WebSockets of the server: the runtime's events in, messages to sessions one at a time out. */

import type { ServerWebSocket, WebSocketHandler } from "bun";
import { closing } from "./own_stream.ts";
import type { Socket, SocketSession } from "./socket.ts";

/** What belongs to a connection. */
export type Connection = {
  /** Makes its session, once it is open. */
  readonly begin: (socket: Socket) => SocketSession;
  session?: SocketSession;
  /** Of the messages so far. */
  last: Promise<void>;
  /** The connection is gone. `failed`: the status of why, where the server ended it. */
  readonly ended: (failed: number | undefined) => void;
  failed?: number;
  /** Bytes of messages that wait. */
  waiting: number;
};

type ClientSocket = ServerWebSocket<Connection>;

const messageBytesMax = 4 * 2 ** 20;
const waitingBytesMax = 32 * 2 ** 20;

/** `log` is told of failures that are the server's own. */
export function socketHandler(log: (error: unknown) => void): WebSocketHandler<Connection> {
  return {
    maxPayloadLength: messageBytesMax,
    // A client that does not read is given up.
    backpressureLimit: 2 * 2 ** 20,
    closeOnBackpressureLimit: true,
    open: (ws) => {
      const { data } = ws;
      data.session = data.begin(socketOf(ws));
      inTurn(ws, 0, () => data.session!.open(), log);
    },
    message: (ws, message) => {
      const { session } = ws.data;
      const work = () => typeof message === "string" ? session!.text(message) : session!.bytes(message);
      inTurn(ws, message.length, work, log);
    },
    close: ({ data }) => {
      data.last = data.last.then(() => data.session?.closed()).catch(log).finally(() => data.ended(data.failed));
    },
  };
}

/** A failure ends the connection; its client is told why. */
function inTurn(ws: ClientSocket, bytes: number, work: () => Promise<void>, log: (error: unknown) => void): void {
  const { data } = ws;
  data.waiting += bytes;
  if (data.waiting > waitingBytesMax) return ws.close(1008, "too much is sent at once");
  data.last = data.last.then(async () => {
    data.waiting -= bytes;
    if (ws.readyState === WebSocket.OPEN) await work();
  }).catch((error) => {
    const { status, code, reason, message } = closing(error);
    if (code === 1011) log(error);
    data.failed = status;
    socketOf(ws).send(message);
    ws.close(code, reason);
  });
}

function socketOf(ws: ClientSocket): Socket {
  return {
    send: (message) => void (ws.readyState === WebSocket.OPEN && ws.send(JSON.stringify(message))),
    close: (code, reason) => ws.close(code, reason),
  };
}
