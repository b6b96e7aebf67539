/** What is wrong with a certificate and its key. In: PEM. Out: which of them it is, in words; undefined: nothing. */

import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";

export type TlsFault = {
  readonly option: "--tls-cert" | "--tls-key";
  readonly file: "cert" | "key";
  readonly fault: string;
};

export function tlsFault(cert: string, key: string): TlsFault | undefined {
  const certificate = attempt(() => new X509Certificate(cert));
  if (!certificate) return { option: "--tls-cert", file: "cert", fault: "is no certificate in PEM" };
  const wrong = (fault: string): TlsFault => ({ option: "--tls-key", file: "key", fault });
  const privateKey = attempt((): KeyObject => createPrivateKey(key));
  if (!privateKey) return wrong("is no private key in PEM, or has a passphrase");
  return certificate.checkPrivateKey(privateKey) ? undefined : wrong("is not the key of that certificate");
}

function attempt<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch {
    return undefined;
  }
}
