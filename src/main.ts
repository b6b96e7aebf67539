/** Entry of the executable: runs its command line and ends the process. */

import { runProgram } from "./app.ts";
import { ownArguments } from "./system.ts";
import { endProcess } from "./cli/terminal.ts";

// Exit explicitly: workers and half-read inputs may still be open.
endProcess(await runProgram(ownArguments()));
