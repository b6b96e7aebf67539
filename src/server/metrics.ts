/** Counts for Prometheus. In: what happens. Out: a text in its format. Pure. */

/** What is true now, asked for when the text is made. */
export type Gauges = Readonly<Record<string, number>>;

const durations = [0.1, 0.3, 1, 3, 10, 30, 100, 300, 1000, 3000];

export class Metrics {
  readonly #requests = new Map<string, number>();
  /** Of requests with a recording: how many took up to so many seconds. */
  readonly #counts = durations.map(() => 0);
  #recordings = 0;
  #seconds = 0;
  #audioSec = 0;
  #textTokens = 0;

  request(endpoint: string, status: number): void {
    const labels = `endpoint="${endpoint}",status="${status}"`;
    this.#requests.set(labels, (this.#requests.get(labels) ?? 0) + 1);
  }

  /** A recording was heard; `seconds` from the request to the last text. */
  heard(audioSec: number, seconds: number, textTokens: number): void {
    this.#recordings++;
    this.#seconds += seconds;
    this.#audioSec += audioSec;
    this.#textTokens += textTokens;
    for (const [index, most] of durations.entries()) this.#counts[index]! += seconds <= most ? 1 : 0;
  }

  text(gauges: Gauges): string {
    const name = (one: string) => `qwen_asr_${one}`;
    const buckets = durations.map((most, index) => ({ le: String(most), count: this.#counts[index]! }));
    return [
      `# TYPE ${name("requests_total")} counter`,
      ...[...this.#requests].map(([labels, count]) => `${name("requests_total")}{${labels}} ${count}`),
      `# TYPE ${name("recording_seconds")} histogram`,
      ...[...buckets, { le: "+Inf", count: this.#recordings }].map(({ le, count }) =>
        `${name("recording_seconds_bucket")}{le="${le}"} ${count}`
      ),
      `${name("recording_seconds_sum")} ${this.#seconds}`,
      `${name("recording_seconds_count")} ${this.#recordings}`,
      ...counter(name("audio_seconds_total"), this.#audioSec),
      ...counter(name("text_tokens_total"), this.#textTokens),
      ...Object.entries(gauges).flatMap(([gauge, value]) => [`# TYPE ${name(gauge)} gauge`, `${name(gauge)} ${value}`]),
      "",
    ].join("\n");
  }
}

function counter(name: string, value: number): string[] {
  return [`# TYPE ${name} counter`, `${name} ${value}`];
}
