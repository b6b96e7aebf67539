/**
 * `qwen-asr batch` on Spark, with a killed worker: `bun tests/slow/batch_spark.ts FOLDER [rows]`, on Linux.
 *
 * FOLDER is a Python environment with PyPI's pyspark (4.x; Java 17 or later is in the PATH):
 * `python3 -m venv FOLDER && FOLDER/bin/pip install pyspark`. Starts a master and two workers of one core each on this
 * machine, runs samples/batch/spark.py, kills one worker and some of the program's processes, and compares the outputs
 * with those of plain runs, byte for byte. Exit 1 where they differ or a row is wrong.
 */

import { join, resolve } from "node:path";
import { modelDir, projectRoot } from "../fixtures.ts";
import { executable, fixedEnvironment, temporaryFolder } from "../harness.ts";
import { expectPlainBytes, expectRows, killAtRandom, makeManifest } from "../support/batches.ts";

const shards = 4;
const kills = 3;
const port = 20_000 + process.pid % 1000;
const master = `spark://127.0.0.1:${port}`;

/** Starts one of Spark's daemons; disposing kills it. */
function daemon(spark: string, scratch: string, kind: "master.Master" | "worker.Worker", ...args: string[]) {
  const child = Bun.spawn([join(spark, "bin/spark-class"), `org.apache.spark.deploy.${kind}`, ...args], {
    env: environment(spark, scratch),
    stdout: "ignore",
    stderr: Bun.file(join(scratch, `${kind}-${args.at(-2)}.log`)),
  });
  const log = () => Bun.file(join(scratch, `${kind}-${args.at(-2)}.log`)).text();
  const stop = async () => {
    child.kill("SIGKILL");
    await child.exited;
  };
  return { log, stop, [Symbol.asyncDispose]: stop };
}

function environment(spark: string, scratch: string): Record<string, string> {
  return {
    ...fixedEnvironment(scratch),
    ...{ SPARK_LOCAL_IP: "127.0.0.1", SPARK_WORKER_DIR: scratch, PYSPARK_PYTHON: join(spark, "bin/python") },
    QWEN_ASR: executable(),
  };
}

async function until(log: () => Promise<string>, words: string): Promise<void> {
  for (let tries = 0; tries < 1200; tries++) {
    if ((await log()).includes(words)) return;
    await Bun.sleep(250);
  }
  throw new Error(`no "${words}" in:\n${await log()}`);
}

function worker(spark: string, scratch: string, number: number) {
  const args = ["--host", "127.0.0.1", "--cores", "1", "--memory", "1g", "--webui-port", String(port + 1000 + number)];
  return daemon(spark, scratch, "worker.Worker", ...args, master);
}

/** Whether the outputs of the cluster are those of plain runs. */
async function main(spark: string, count: number): Promise<boolean> {
  using folder = temporaryFolder();
  using scratch = temporaryFolder();
  const expected = makeManifest(folder.path, count);
  await using first = daemon(
    ...[spark, scratch.path, "master.Master", "--host", "127.0.0.1", "--webui-port", String(port + 1000)] as const,
    ...["--port", String(port)],
  );
  await until(first.log, "I have been elected leader");
  await using doomed = worker(spark, scratch.path, 1);
  await using other = worker(spark, scratch.path, 2);
  for (const { log } of [doomed, other]) await until(log, "Successfully registered");
  const settings = ["executor.memory=600m", "ui.enabled=false", "driver.host=127.0.0.1", "task.maxFailures=10"];
  const submit = Bun.spawn([
    ...[join(spark, "bin/spark-submit"), "--master", master, "--driver-memory", "600m", "--executor-cores", "1"],
    ...settings.flatMap((setting) => ["--conf", `spark.${setting}`]),
    ...["--conf", `spark.executorEnv.QWEN_ASR=${executable()}`, join(projectRoot, "samples/batch/spark.py")],
    ...[String(shards), join(folder.path, "list.jsonl"), folder.path, "-d", modelDir(), "-t", "1"],
  ], { env: environment(spark, scratch.path), stdout: "inherit", stderr: Bun.file(join(scratch.path, "submit.log")) });
  let isOver = false;
  submit.exited.then(() => void (isOver = true));
  let done = await killAtRandom(folder.path, 1, () => isOver);
  await doomed.stop();
  done += await killAtRandom(folder.path, kills - 1, () => isOver);
  const code = await submit.exited;
  if (code !== 0) console.log((await Bun.file(join(scratch.path, "submit.log")).text()).slice(-4000));
  const outputs = Array.from({ length: shards }, (_, index) => `0000${index}-of-0000${shards}.jsonl`);
  expectRows(folder.path, outputs, expected);
  await expectPlainBytes(folder.path, outputs);
  console.log(`${count} rows, a worker and ${done} processes killed: spark-submit exits with ${code}, the same bytes`);
  return code === 0 && done > 0;
}

const [folder, rows = "100"] = process.argv.slice(2);
if (folder === undefined) throw new Error("which Python environment has pyspark? bun tests/slow/batch_spark.ts FOLDER");
process.exitCode = await main(resolve(folder), Number(rows)) ? 0 : 1;
