/** Entry of the executable: runs its command line and exits. */

import { runProgram } from "./app.ts";

// Exit explicitly: workers and half-read inputs may still be open.
process.exit(await runProgram(process.argv.slice(2)));
