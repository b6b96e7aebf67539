"""Error rates of `qwen-asr eval --rttm` against pyannote.metrics, for random turns; and pyannote reads our RTTM.

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
from pyannote.database.util import load_rttm
from pyannote.metrics.diarization import DiarizationErrorRate, JaccardErrorRate

warnings.simplefilter("ignore")
ROOT = Path(__file__).parents[2]
PROGRAM = ROOT / "dist/qwen-asr"


def turns(generator, speakers, count):
    """Turns in whole milliseconds, so that both sides read the same numbers; some have no length."""
    found = []
    for _ in range(count):
        start = generator.randrange(60_000)
        length = generator.randrange(100, 5000) if generator.random() > 0.05 else 0
        found.append((start, start + length, f"s{generator.randrange(speakers)}"))
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


def common(reference, hypothesis, pairs):
    """Seconds that paired speakers have in common; `pairs` from the hypothesis to the reference."""
    times = reference * hypothesis
    rows, columns = reference.labels(), hypothesis.labels()
    return sum(times[rows.index(who), columns.index(found)] for found, who in pairs.items())


def jaccard(reference, hypothesis, pairs):
    """The Jaccard error rate with these pairs."""
    found_of = {who: found for found, who in pairs.items()}
    rates = []
    for who in reference.labels():
        if who not in found_of:
            rates.append(1.0)
            continue
        own, found = reference.label_timeline(who), hypothesis.label_timeline(found_of[who])
        rates.append(1 - own.crop(found).duration() / own.union(found).support().duration())
    return sum(rates) / len(rates)


def their_jaccard(reference, hypothesis, pairs):
    """pyannote's rate. Where two pairings have the same time in common, it may take the other one, whose rate is
    another: then the rate of ours, by its timelines."""
    theirs = JaccardErrorRate()
    their_pairs = theirs.optimal_mapping(reference, hypothesis)
    is_tie = abs(common(reference, hypothesis, pairs) - common(reference, hypothesis, their_pairs)) < 1e-6
    return jaccard(reference, hypothesis, pairs) if is_tie else theirs(reference, hypothesis)


def check_rttm(folder):
    """pyannote reads what the program writes: the same speaker time, and the name of a file with a space."""
    clip = Path(folder) / "a clip.wav"
    clip.write_bytes((ROOT / "samples/fixtures/audio/en-45s.wav").read_bytes())
    options = ["-d", "demo", "--speakers", "auto", "--silent", "-f", "rttm"]
    lines = subprocess.run([PROGRAM, *options, clip], capture_output=True, text=True, check=True).stdout
    written = Path(folder) / "written.rttm"
    written.write_text(lines)
    read = load_rttm(written)
    assert list(read) == ["a_clip"], list(read)
    seconds = sum(float(line.split(" ")[4]) for line in lines.splitlines())
    tracks = [(segment, who) for segment, _, who in read["a_clip"].itertracks(yield_label=True)]
    assert len(tracks) == len(lines.splitlines()) > 3 and {who for _, who in tracks} == {"Speaker_1"}, tracks
    assert abs(sum(segment.duration for segment, _ in tracks) - seconds) < 1e-6
    return len(tracks)


def main():
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 100
    generator = random.Random(int(sys.argv[2]) if len(sys.argv) > 2 else 1)
    pairs = []
    for _ in range(count):
        reference = turns(generator, generator.randrange(1, 6), generator.randrange(1, 40))
        other = turns(generator, generator.randrange(1, 7), generator.randrange(1, 40))
        pairs.append((reference, moved(generator, reference) or other if generator.random() < 0.5 else other))
    with tempfile.TemporaryDirectory() as folder:
        read = check_rttm(folder)
        paths = [Path(folder) / "reference.rttm", Path(folder) / "found.rttm"]
        for path, side in zip(paths, (0, 1)):
            path.write_text("".join(rttm(f"f{index}", pair[side]) for index, pair in enumerate(pairs)))
        said = subprocess.run([PROGRAM, "eval", "--rttm", "--json", *paths], capture_output=True, text=True, check=True)
    worst = [0.0, 0.0, 0.0]
    for index, (found, (reference, hypothesis)) in enumerate(zip(json.loads(said.stdout)["files"], pairs)):
        sides = annotation(f"f{index}", reference), annotation(f"f{index}", hypothesis)
        pairs_found = found["speakers"]["pairs"]
        jer = their_jaccard(*sides, pairs_found)
        theirs = [DiarizationErrorRate()(*sides), DiarizationErrorRate(collar=0.5)(*sides), jer]
        ours = [found["der"], found["der_collar"], found["jer"]]
        for at, (a, b) in enumerate(zip(ours, theirs)):
            if a is None:  # Nothing is left of the reference within the collars: no rate, and theirs is a convention.
                continue
            worst[at] = max(worst[at], abs(a - b))
    print(f"pyannote reads {read} turns of our RTTM")
    print(f"{count} pairs: largest differences DER {worst[0]:.1e}, with collar {worst[1]:.1e}, JER {worst[2]:.1e}")
    return 0 if max(worst) < 1e-6 else 1


if __name__ == "__main__":
    sys.exit(main())
