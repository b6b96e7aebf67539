/** Asks a server of this machine how it is. In: where it listens. Out: nothing, or an InputError that says why not. */

import { InputError } from "../errors.ts";

export type Listening = { readonly host: string; readonly port: number; readonly isSecure: boolean };

const waitMs = 5000;

/** The address by which a server that listens on `host` is reached from its own machine. */
function ownAddress({ host, port, isSecure }: Listening): string {
  const own = ({ "0.0.0.0": "127.0.0.1", "::": "::1" } as Readonly<Record<string, string>>)[host] ?? host;
  return `${isSecure ? "https" : "http"}://${own.includes(":") ? `[${own}]` : own}:${port}`;
}

/** Rejects with the reason of `stop` where that comes first. */
export async function serverHealth(listening: Listening, stop: AbortSignal): Promise<void> {
  const address = ownAddress(listening);
  const signal = AbortSignal.any([stop, AbortSignal.timeout(waitMs)]);
  try {
    // The certificate has another name than the address; nothing is sent that has to be kept from others.
    const reply = await fetch(`${address}/healthz`, { signal, tls: { rejectUnauthorized: false } });
    await reply.body?.cancel();
    if (reply.ok) return;
    throw new InputError(`${address}: the server answers with status ${reply.status}`);
  } catch (error) {
    stop.throwIfAborted();
    if (error instanceof InputError) throw error;
    const reason = signal.aborted ? `no answer within ${waitMs / 1000} s` : "nothing answers there";
    throw new InputError(`${address}: ${reason}`);
  }
}
