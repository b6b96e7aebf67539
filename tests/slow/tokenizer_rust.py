"""Compares the tokenizer with the reference, Hugging Face's Rust tokenizers, id by id.

    python3 -m venv V && V/bin/pip install tokenizers==0.23.3
    V/bin/python tests/slow/tokenizer_rust.py MODEL_FOLDER LIBRARY [STRINGS = 30000] [SEED = 1]
    V/bin/python tests/slow/tokenizer_rust.py MODEL_FOLDER --cases > tests/support/tokenizer_cases.json

MODEL_FOLDER has vocab.json, merges.txt and tokenizer_config.json (and, with a LIBRARY, is a model it opens). The first
form tries random and hostile strings, each with special tokens as plain text and cut out, then every code point there
is, and exits 1 where anything differs. The second writes what the reference says of the chosen strings below; the test
suite holds the library to it.
"""

import ctypes
import json
import random
import sys

from tokenizers import AddedToken, Regex, Tokenizer, models, pre_tokenizers

PATTERN = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)

# What regex engines, Unicode versions and JSON readers are known to see differently, and everyday text.
CASES = [
    "", " ", "\n", "a", "Hello world", "language English", "I've we'LL They'Re 'salad 'x",
    "'\u017f it'\u017f\u017f 'K\u212a 'l\u017f", "\u017fet don\u2019t", "x\u0085y \u0085\u0085 z\u0085", "\ufeffx \ufeff\ufeff1",
    "a\u088fb \u0c5c\u0cdc \ua7ce\ua7d2x", "\U0001e6c0\U00011de0 1\U00011de5\U0003134a\U00033479x", "\u0378\u0380\u0530 \U000e0fff",
    "  two   three\tfour \t five", "a\n\n b\r\n\r\n  c \n \r d\n", "\u3000日本語、中文。\u3000", "e\u0301\u0301x क्षि नमस्ते", "한국어 ᄒ\u1161\u11ab",
    "0 42 3.14 ٣٤ ½ Ⅷ ² 〇 १२३ 𝟘", "👩\u200d👩\u200d👧 👍🏽 🇩🇪 ❤️ 1️⃣", "!!! ?!\n\n... <|> --\r\n$x $5", "# ## ### #include",
    "\x00\x01\x7f\x1c\x1f\u200b\u200d\u2028\u2029\u202f\u205f\u00a0", "<|im_start|>user\n<|im_end|>", "<asr_text>x<timestamp>",
    "<|audio_pad|><|audio_pad|> <|audio_", "<think></think><|endoftext|>", "\U0010ffff\ue000\ufffd\uffff", "a" * 300, " " * 130, "中" * 70,
]

BLOCKS = [
    (0x00, 0x7F), (0x20, 0x7E), (0x80, 0xFF), (0x100, 0x24F), (0x300, 0x36F), (0x370, 0x52F), (0x531, 0x5FF), (0x600, 0x77F),
    (0x900, 0xDFF), (0xE00, 0xFFF), (0x1000, 0x13FF), (0x1780, 0x17FF), (0x1E00, 0x1FFF), (0x2000, 0x206F), (0x2070, 0x218F),
    (0x2190, 0x2BFF), (0x3000, 0x30FF), (0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xA000, 0xABFF), (0xAC00, 0xD7A3), (0xE000, 0xF8FF),
    (0xF900, 0xFDFF), (0xFE00, 0xFFFF), (0x10000, 0x104FF), (0x11000, 0x114FF), (0x12000, 0x123FF), (0x1D100, 0x1D7FF),
    (0x1F000, 0x1FAFF), (0x20000, 0x323AF), (0xE0000, 0xE01EF), (0x0, 0x10FFFF),
]

PARTS = [word for case in CASES[:-3] for word in case.split(" ")] + [
    "'s", "'S", "'t", "'RE", "'ve", "'m", "'Ll", "'d", "'", "''", "'r", "'v", "'l", "\n", "\r", "\r\n", "\t", "\v", "\f", "  ", " \n ",
]


def reference(folder, with_special):
    tokenizer = Tokenizer(models.BPE.from_file(f"{folder}/vocab.json", f"{folder}/merges.txt"))
    split = pre_tokenizers.Split(Regex(PATTERN), "isolated")
    byte_level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([split, byte_level])
    added = added_tokens(folder) if with_special else {}
    for id in sorted(added, key=int):
        tokenizer.add_tokens([AddedToken(added[id]["content"], normalized=False, special=added[id]["special"])])
        assert tokenizer.token_to_id(added[id]["content"]) == int(id)
    return lambda text: tokenizer.encode(text, add_special_tokens=False).ids


def added_tokens(folder):
    with open(f"{folder}/tokenizer_config.json", encoding="utf-8") as file:
        return json.load(file)["added_tokens_decoder"]


def ours(folder, library, with_special):
    native = ctypes.CDLL(library)
    model = ctypes.c_void_p()
    if native.qasr_model_open(folder.encode(), 1, ctypes.byref(model)) != 0:
        sys.exit(f"{library} does not open {folder}")

    def encode(text):
        utf8 = text.encode()
        ids = (ctypes.c_uint32 * (len(utf8) + 1))()
        count = ctypes.c_uint32()
        status = native.qasr_tokenize(model, utf8, len(utf8), with_special, ids, len(ids), ctypes.byref(count))
        if status != 0:
            sys.exit(f"status {status} for {text!r}")
        return list(ids[: count.value])

    return encode


def is_surrogate(code_point):
    return 0xD800 <= code_point <= 0xDFFF


def random_text(rng, names, index):
    def part():
        kind = rng.randrange(8)
        if kind < 3:
            return rng.choice(PARTS)
        if kind == 3:
            return rng.choice(names) if rng.random() < 0.5 else rng.choice(names)[: rng.randint(1, 9)]
        if kind == 4:
            return " " + rng.choice(PARTS)
        first, last = rng.choice(BLOCKS)
        points = [rng.randint(first, last) for _ in range(rng.randint(1, 12))]
        return "".join(chr(point) for point in points if not is_surrogate(point))

    text = "".join(part() for _ in range(rng.randint(1, 12)))
    if index % 1000 == 999:
        text += (part() or "a")[:2] * 10_000 + part()
    return text


def texts(folder, count, seed):
    rng = random.Random(seed)
    names = [token["content"] for token in added_tokens(folder).values()]
    yield from CASES
    for index in range(count):
        yield random_text(rng, names, index)
    for code_point in range(0x110000):
        if not is_surrogate(code_point):
            character = chr(code_point)
            yield f"a{character}b {character}{character}\n"


def compare(folder, library, count, seed):
    pairs = [(reference(folder, special), ours(folder, library, special)) for special in (False, True)]
    tried = differing = tokens = 0
    for text in texts(folder, count, seed):
        for theirs, mine in pairs:
            want, got = theirs(text), mine(text)
            tried += 1
            tokens += len(want)
            if want != got:
                differing += 1
                print(f"{text[:200]!r}: {got[:40]}, the reference: {want[:40]}")
    print(f"{tried} encodings, {tokens} tokens, {differing} differ")
    return differing == 0


def write_cases(folder):
    print("[")
    for with_special in (False, True):
        encode = reference(folder, with_special)
        for index, text in enumerate(CASES):
            end = "" if with_special and index == len(CASES) - 1 else ","
            print(json.dumps({"text": text, "with_special": with_special, "ids": encode(text)}) + end)
    print("]")


def main():
    folder, library, *rest = sys.argv[1:]
    if library == "--cases":
        return write_cases(folder)
    count, seed = [int(word) for word in [*rest, *["30000", "1"][len(rest) :]]]
    sys.exit(0 if compare(folder, library, count, seed) else 1)


main()
