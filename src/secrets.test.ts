import { describe, expect, test } from "bun:test";
import { withoutSecrets } from "./secrets.ts";

describe("withoutSecrets", () => {
  test("hides who may fetch it", () => {
    const cases = [
      ["https://user:pass@host/a.mp3", "https://***@host/a.mp3"],
      ["https://token@host:8080/a.mp3", "https://***@host:8080/a.mp3"],
      ["https://user:p@ss@host/a.mp3", "https://***@host/a.mp3"],
      ["https://user:p/ss@host/a.mp3", "https://***@host/a.mp3"],
      ["https://user:p?s#s@host/a.mp3", "https://***@host/a.mp3"],
      ["https://h/a.mp3?token=abc", "https://h/a.mp3?token=***"],
      ["https://h/a.mp3?Token=123456", "https://h/a.mp3?Token=***"],
      [
        "https://b.s3.amazonaws.com/a.mp3?X-Amz-Credential=AK%2Fx&X-Amz-Expires=300&X-Amz-Signature=0a1b",
        "https://b.s3.amazonaws.com/a.mp3?X-Amz-Credential=***&X-Amz-Expires=300&X-Amz-Signature=***",
      ],
      ["https://h/a?sv=2022-11-02&sig=x%3D", "https://h/a?sv=***&sig=***"],
      ["https://h/a?0123456789abcdef", "https://h/a?***"],
      ["https://h/a#access_token=abc", "https://h/a#access_token=***"],
      ["https://h/a?u=https://x:y@z/", "https://h/a?u=***"],
      ["http://[::1]:80/a?key=1", "http://[::1]:80/a?key=***"],
    ] as const;
    for (const [given, shown] of cases) {
      expect(withoutSecrets(given)).toBe(shown);
      expect(withoutSecrets(`x: "${given}", and ${given}: twice`)).toBe(`x: "${shown}", and ${shown}: twice`);
    }
  });

  test("leaves what is none", () => {
    const same = [
      "talk.wav",
      "a/b?token=x",
      "https://example.org/@someone/talk.mp3",
      "https://example.org:8080/talk.mp3?id=12&format=mp3#30",
      "http://[::1]/talk.mp3",
      "file:///etc/hostname",
      "user@example.org",
    ];
    for (const text of same) expect(withoutSecrets(text)).toBe(text);
  });

  test("gives what it has given", () => {
    const shown = withoutSecrets("https://u:p@h/a.mp3?token=abc&id=3");
    expect(withoutSecrets(shown)).toBe(shown);
  });
});
