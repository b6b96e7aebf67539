/** A client's WebSocket, as sessions see it. Types alone. */

export type Socket = {
  send(message: Readonly<Record<string, unknown>>): void;
  /** With a code of RFC 6455. */
  close(code: number, reason: string): void;
};

/** One side of a conversation. Messages come one at a time: the next when the one before is done with. */
export type SocketSession = {
  open(): Promise<void>;
  text(message: string): Promise<void>;
  bytes(message: Uint8Array): Promise<void>;
  /** The connection is gone. */
  closed(): Promise<void>;
};
