/**
 * `qwen-asr batch` as a Slurm array, with killed tasks: `bun tests/slow/batch_slurm.ts [rows]`, as root on Linux.
 *
 * Needs Debian's slurm-wlm and munge. Starts a cluster of this one machine in a temporary folder, without systemd: one
 * munged, slurmctld and slurmd. Runs samples/batch/slurm.sh, kills tasks at random, and compares the outputs with those
 * of plain runs, byte for byte. Exit 1 where they differ or a row is wrong.
 */

import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { modelDir, projectRoot } from "../fixtures.ts";
import { executable, fixedEnvironment, temporaryFolder } from "../harness.ts";
import { expectPlainBytes, expectRows, killAtRandom, makeManifest } from "../support/batches.ts";

const shards = 4;
const kills = 4;

/** Starts the daemons of a cluster in `folder`. Disposing ends them. */
async function startCluster(folder: string) {
  for (const name of ["state", "spool"]) mkdirSync(join(folder, name));
  const at = (name: string) => join(folder, name);
  chmodSync(folder, 0o755);
  writeFileSync(at("munge.key"), crypto.getRandomValues(new Uint8Array(1024)), { mode: 0o600 });
  writeFileSync(at("slurm.conf"), config(folder));
  const daemons = ["munged", "slurmctld", "slurmd"];
  const files = {
    "key-file": "munge.key",
    "socket": "munge.socket",
    "pid-file": "munged.pid",
    "log-file": "munged.log",
  };
  const own = Object.entries({ ...files, "seed-file": "munged.seed" }).map(([name, file]) => `--${name}=${at(file)}`);
  await command(["munged", "--force", "--num-threads=1", ...own]);
  await command(["slurmctld", "-f", at("slurm.conf")]);
  await command(["slurmd", "-f", at("slurm.conf")]);
  const stop = async () => {
    for (const name of daemons.toReversed()) {
      const pid = Number(readFileSync(at(`${name}.pid`), "utf8"));
      process.kill(pid);
      while (existsSync(`/proc/${pid}`)) await Bun.sleep(50);
    }
  };
  return { env: { SLURM_CONF: at("slurm.conf") }, [Symbol.asyncDispose]: stop };
}

function config(folder: string): string {
  const [control, node] = [20_000, 21_000].map((base) => base + process.pid % 1000);
  return `ClusterName=scratch
SlurmctldHost=${hostname()}(127.0.0.1)
SlurmctldPort=${control}
SlurmdPort=${node}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
# Also how long a task that is queued again has to wait, in seconds.
AuthInfo=socket=${folder}/munge.socket,cred_expire=5
CredType=cred/munge
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SwitchType=switch/none
MpiDefault=none
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/none
StateSaveLocation=${folder}/state
SlurmdSpoolDir=${folder}/spool
SlurmctldPidFile=${folder}/slurmctld.pid
SlurmdPidFile=${folder}/slurmd.pid
SlurmctldLogFile=${folder}/slurmctld.log
SlurmdLogFile=${folder}/slurmd.log
ReturnToService=2
NodeName=${hostname()} NodeAddr=127.0.0.1 CPUs=2 State=UNKNOWN
PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP
`;
}

async function command(args: string[], env: Record<string, string> = {}, cwd?: string): Promise<number> {
  const child = Bun.spawn(args, { ...(cwd ? { cwd } : {}), env: { ...process.env, ...env }, stdout: "inherit" });
  const code = await child.exited;
  if (code !== 0) console.log(`${args[0]}: exit code ${code}`);
  return code;
}

/** Whether the outputs of the cluster are those of plain runs. */
async function main(count: number): Promise<boolean> {
  using folder = temporaryFolder();
  using scratch = temporaryFolder();
  await using cluster = await startCluster(scratch.path);
  const expected = makeManifest(folder.path, count);
  const list = join(folder.path, "list.jsonl");
  const script = join(projectRoot, "samples/batch/slurm.sh");
  const env = { ...fixedEnvironment(folder.path), ...cluster.env, QWEN_ASR: executable() };
  const args = ["sbatch", "--wait", `--array=0-${shards - 1}`, script, String(shards), list, folder.path];
  let isOver = false;
  const running = command([...args, "-d", modelDir()], env, scratch.path).finally(() => void (isOver = true));
  const done = await killAtRandom(folder.path, kills, () => isOver);
  const code = await running;
  const outputs = Array.from({ length: shards }, (_, index) => `0000${index}-of-0000${shards}.jsonl`);
  expectRows(folder.path, outputs, expected);
  await expectPlainBytes(folder.path, outputs);
  console.log(`${count} rows in ${shards} tasks, ${done} killed: sbatch exits with ${code}, the same bytes`);
  return code === 0 && done > 0;
}

process.exitCode = await main(Number(process.argv[2] ?? 100)) ? 0 : 1;
