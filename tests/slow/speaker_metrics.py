"""Error rates of `qwen-asr eval --rttm` against pyannote.metrics, for random turns.

usage: python tests/slow/speaker_metrics.py [COUNT] [SEED]    (pip install pyannote.metrics; scripts/build first)
"""

import json
import random
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path

from pyannote.core import Annotation, Segment
from pyannote.metrics.diarization import DiarizationErrorRate, JaccardErrorRate

warnings.simplefilter("ignore")
PROGRAM = Path(__file__).parents[2] / "dist/qwen-asr"


def turns(generator, speakers, count):
    """Turns in whole milliseconds, so that both sides read the same numbers."""
    found = []
    for _ in range(count):
        start = generator.randrange(60_000)
        found.append((start, start + generator.randrange(100, 5000), f"s{generator.randrange(speakers)}"))
    return found


def moved(generator, given):
    """What a program might find: every turn a little off, some missing, two speakers sometimes taken for one."""
    one = generator.choice([None, "s0"])
    return [
        (max(0, start + generator.randrange(-200, 200)), end + generator.randrange(200, 600), one or f"x{who}")
        for start, end, who in given
        if generator.random() > 0.1
    ]


def rttm(name, given):
    return "".join(
        f"SPEAKER {name} 1 {start / 1000:.3f} {(end - start) / 1000:.3f} <NA> <NA> {who} <NA> <NA>\n"
        for start, end, who in given
    )


def annotation(name, given):
    made = Annotation(uri=name)
    for index, (start, end, who) in enumerate(given):
        made[Segment(start / 1000, end / 1000), index] = who
    return made.support()


def main():
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 100
    generator = random.Random(int(sys.argv[2]) if len(sys.argv) > 2 else 1)
    pairs = []
    for _ in range(count):
        reference = turns(generator, generator.randrange(1, 6), generator.randrange(1, 40))
        other = turns(generator, generator.randrange(1, 7), generator.randrange(1, 40))
        pairs.append((reference, moved(generator, reference) or other if generator.random() < 0.5 else other))
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / "reference.rttm", Path(folder) / "found.rttm"]
        for path, side in zip(paths, (0, 1)):
            path.write_text("".join(rttm(f"f{index}", pair[side]) for index, pair in enumerate(pairs)))
        said = subprocess.run([PROGRAM, "eval", "--rttm", "--json", *paths], capture_output=True, text=True, check=True)
    worst = [0.0, 0.0, 0.0]
    for index, (found, (reference, hypothesis)) in enumerate(zip(json.loads(said.stdout)["files"], pairs)):
        sides = annotation(f"f{index}", reference), annotation(f"f{index}", hypothesis)
        theirs = [DiarizationErrorRate()(*sides), DiarizationErrorRate(collar=0.5)(*sides), JaccardErrorRate()(*sides)]
        ours = [found["der"], found["der_collar"], found["jer"]]
        for at, (a, b) in enumerate(zip(ours, theirs)):
            if a is None:  # Nothing is left of the reference within the collars: no rate, and theirs is a convention.
                continue
            # Where two pairings have the same time in common, the Jaccard rate depends on which one is taken.
            worst[at] = max(worst[at], abs(a - b))
    print(f"{count} pairs: largest differences DER {worst[0]:.1e}, with collar {worst[1]:.1e}, JER {worst[2]:.1e}")
    return 0 if max(worst) < 1e-6 else 1


if __name__ == "__main__":
    sys.exit(main())
