#!/bin/bash
# A Slurm array, a shard each: sbatch --array=0-7 slurm.sh 8 list.jsonl out -d small
# A task that was killed or met a full disk is queued again, five times at most, and goes on where it was. (Those on a
# node that fails are queued again by Slurm itself.)
#SBATCH --job-name=qwen-asr
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --output=qwen-asr-%A_%a.log
shards=$1 list=$2 out=$3
shift 3
"${QWEN_ASR:-qwen-asr}" batch "$list" --shard "auto/$shards" -o "$out/{shard}.jsonl" -t "${SLURM_CPUS_ON_NODE:-0}" "$@"
code=$?
if { [ $code = 75 ] || [ $code -gt 128 ]; } && [ "${SLURM_RESTART_COUNT:-0}" -lt 5 ]; then
    scontrol requeue "${SLURM_ARRAY_JOB_ID}_$SLURM_ARRAY_TASK_ID"
    sleep 60 # Slurm ends this task.
fi
exit $code
