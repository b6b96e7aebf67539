/**
 * Loaded before every test file (bunfig.toml): the ffmpeg that scripts/setup --tests brought goes on PATH, for the
 * tests and what they start. One that is installed comes first.
 */

import { existsSync } from "node:fs";
import { delimiter, join, resolve } from "node:path";

const folder = resolve(import.meta.dir, "../../.tools/ffmpeg");
if (existsSync(join(folder, "ffmpeg"))) process.env.PATH = [process.env.PATH ?? "", folder].join(delimiter);
