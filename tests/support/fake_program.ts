/** A process for tests of streams and signals: the real terminal and program with an engine that counts words. */

import { fakeEngine, fakeParts } from "./fake_parts.ts";
import { createProgram } from "../../src/cli/program.ts";
import { endProcess, openTerminal } from "../../src/cli/terminal.ts";

const [words = "10", tokenDelayMs = "0", ...args] = process.argv.slice(2);
const says = `language English<asr_text>${Array.from({ length: Number(words) }, (_, i) => `词${i}`).join(" ")}`;
const engine = fakeEngine(
  (request) => ({ says: request.samples.length > 0 ? says : "", tokenDelayMs: Number(tokenDelayMs) }),
  { positionsMax: 1e9, positionBytes: 1, hidden: 1 },
);
endProcess(await createProgram({ ...fakeParts(engine), terminal: openTerminal() })(args));
