"""Transcribes a manifest on Spark, a shard in each partition: spark-submit spark.py 8 list.jsonl out -d small

Every worker sees the manifest, the recordings, the model and the folder of the outputs under the same names, and has
qwen-asr in its PATH. A partition whose process or worker was killed is tried again by Spark and goes on where it was.
"""

import os
import subprocess
import sys
import time

from pyspark.sql import SparkSession

MAY_PASS = 75  # Too little memory or disk, or a process that outlived its worker is still at it.


def transcribe(index, shards, manifest, out, options):
    """Writes the file of one shard and returns its name."""
    name = f"{out}/{index:05d}-of-{shards:05d}.jsonl"
    program = os.environ.get("QWEN_ASR", "qwen-asr")
    command = [program, "batch", manifest, "--shard", f"{index}/{shards}", "-o", name, "--silent", *options]
    for wait in (10, 20, 40, 80, None):
        done = subprocess.run(command, stderr=subprocess.PIPE, text=True)
        if done.returncode != MAY_PASS or wait is None:
            break
        time.sleep(wait)
    if done.returncode != 0:
        raise RuntimeError(f"{name}: exit code {done.returncode}\n{done.stderr}")
    return name


def main():
    shards, manifest, out = int(sys.argv[1]), *map(os.path.abspath, sys.argv[2:4])
    options = sys.argv[4:]
    os.makedirs(out, exist_ok=True)
    spark = SparkSession.builder.appName("qwen-asr").getOrCreate()
    indexes = spark.sparkContext.parallelize(range(shards), shards)
    work = indexes.mapPartitions(lambda part: (transcribe(index, shards, manifest, out, options) for index in part))
    rows = spark.read.schema("id string, error struct<code: string, message: string>").json(work.collect())
    rows.groupBy("error.code").count().show()
    spark.stop()


main()
