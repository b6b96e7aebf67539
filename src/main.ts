/** Entry of the executable: runs its command line and exits. */

import { runProgram } from "./app.ts";

// Workers and half-read inputs may still be open: the program is done when it says so.
process.exit(await runProgram(process.argv.slice(2)));
