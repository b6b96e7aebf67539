import { expect, test } from "bun:test";
import { fakeServer, form, sayingEngine } from "../../tests/support/fake_server.ts";
import { tlsFault } from "./tls.ts";

/** Made for this test, for a hundred years. */
const cert = `-----BEGIN CERTIFICATE-----
MIIBfjCCASWgAwIBAgIUb7hxGXk+fBwLoLF54WxJkF/K0YUwCgYIKoZIzj0EAwIw
FDESMBAGA1UEAwwJbG9jYWxob3N0MCAXDTI2MTEyOTAzMzU1OVoYDzIxMjYxMTA1
MDMzNTU5WjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAATC0aBV3CoS+AMqpJLXun9XsEnJzJFcoG1wO0+VTYiIhYy0oseMm4aB
W36iEbgeAczS6jXSZaCQ82ylxA1tslQKo1MwUTAdBgNVHQ4EFgQUekMr5xCJ4ep6
xMNdW2n7KK/G1CIwHwYDVR0jBBgwFoAUekMr5xCJ4ep6xMNdW2n7KK/G1CIwDwYD
VR0TAQH/BAUwAwEB/zAKBggqhkjOPQQDAgNHADBEAiBaQTfaygUxS2pyrbfacDuQ
YfdRoRJBhVLdyh+fc+j06wIgdkbvenzgIKZ07rb0PH9Hedw7pkgdfGD0ceicWGuJ
+CU=
-----END CERTIFICATE-----`;
const key = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgpldK8VgqNlVSX+aX
lasLhleE+0XfICzd0KOFBKtJL5uhRANCAATC0aBV3CoS+AMqpJLXun9XsEnJzJFc
oG1wO0+VTYiIhYy0oseMm4aBW36iEbgeAczS6jXSZaCQ82ylxA1tslQK
-----END PRIVATE KEY-----`;
const otherKey = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQggCo2BPT3dli0R0dR
VNLsAPi+o/9nGnaK7H7GYz6+EI+hRANCAASLBUgRsepeq8dzP+gmFfH7+AS7Kdwh
Hht5neB5bNwMcgF3GdYeaXnC+8HiVrcu5JmhC9FD0huVn8bj1pKaatqq
-----END PRIVATE KEY-----`;

test("a certificate and its key, and what is wrong with others", () => {
  expect(tlsFault(cert, key)).toBeUndefined();
  expect(tlsFault(`${cert}\n${cert}`, key)).toBeUndefined(); // With those that vouch for it.
  expect(tlsFault(key, key)).toMatchObject({ file: "cert", fault: "is no certificate in PEM" });
  expect(tlsFault(cert, "")).toMatchObject({ file: "key", fault: "is no private key in PEM, or has a passphrase" });
  expect(tlsFault(cert, otherKey)).toMatchObject({ file: "key", fault: "is not the key of that certificate" });
});

test("with them, the server speaks https and nothing else", async () => {
  await using server = await fakeServer(sayingEngine(), { tls: { cert, key } });
  const secure = `https://localhost:${server.port}`;
  const reply = await fetch(`${secure}/v1/audio/transcriptions`, {
    ...{ method: "POST", body: form("1s") },
    tls: { rejectUnauthorized: false },
  });
  expect((await reply.json()).text).toBe("Hello there. All is well.");
  const plain = await fetch(`http://localhost:${server.port}/health`).then(({ status }) => status, () => 0);
  expect(plain).not.toBe(200);
});
