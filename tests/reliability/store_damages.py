"""Damage a store at random, again and again, and count what comes of it.

    python tests/reliability/store_damages.py 600 [--seed 0] [--old]

A process of its own, since a crash is what is looked for. Prints counts as JSON:
"refused" with an error of ours, "same" numbers as before, and what must not be:
"other" numbers unnoticed, "raw" errors. ``--old``: stores without checksums, in which
other numbers cannot be noticed.
"""

import argparse
import json
import shutil
import tempfile
import warnings
from collections import Counter
from pathlib import Path

import numpy as np
from scipy import sparse

from sklearn_mm import FeatureBlock, MultimodalFeatures

OURS = (ValueError, FileNotFoundError)


def make_features(rng, n=40):
    """Make a block of every kind, and a sparse one; some samples are missing."""
    rows = sparse.random(n, 30, density=0.3, format="csr", random_state=0)
    lengths = rng.integers(0, 5, n)
    words = [rng.integers(0, 9, length, dtype=np.int32) for length in lengths]
    frames = [rng.normal(size=(length, 3)).astype("f4") for length in lengths]
    images = [rng.integers(0, 255, (length % 2, 3, 4, 4), "u1") for length in lengths]
    blocks = {
        "words": FeatureBlock.from_samples(words, "tokens", vocabulary_size=9),
        "frames": FeatureBlock.from_samples(frames, "sequence"),
        "image": FeatureBlock.from_samples(images, "image"),
        "rows": FeatureBlock.from_vectors(rows),
        "table": FeatureBlock.from_vectors(rng.normal(size=(n, 4))),
    }
    return MultimodalFeatures(blocks)


def without_checksums(folder):
    """Make a store what the versions before checksums wrote."""
    path = folder / "features.json"
    index = json.loads(path.read_text())
    index["format"] = 1
    del index["checksum"]
    for block in index["blocks"]:
        del block["checksums"]
    path.write_text(json.dumps(index, indent=1))


def flip_bits(rng, content, others):
    """Flip one bit, or a few."""
    content = bytearray(content)
    for _ in range(rng.choice([1, 1, 1, 5])):
        content[rng.integers(len(content))] ^= 1 << rng.integers(8)
    return bytes(content)


def set_bytes(rng, content, others):
    """Write any byte, or eight of them, anywhere."""
    at, width = rng.integers(len(content)), rng.choice([1, 8])
    filled = [b"\x00", b"\xff", b"\x80", rng.bytes(1)][rng.integers(4)] * int(width)
    return content[:at] + filled + content[at + width :]


def truncate(rng, content, others):
    """Keep the beginning."""
    return content[: rng.integers(len(content))]


def grow(rng, content, others):
    """Append what nobody wrote."""
    return content + rng.bytes(rng.integers(1, 200))


def swap(rng, content, others):
    """Put another file of the store in its place."""
    return others[rng.integers(len(others))]


def exchange(rng, content, others):
    """Exchange two parts of it."""
    a, b = sorted(rng.integers(len(content), size=2))
    n = min(int(rng.integers(1, 64)), b - a, len(content) - b)
    parts = content[:a], content[b : b + n], content[a + n : b], content[a : a + n]
    return b"".join(parts) + content[b + n :]


def empty(rng, content, others):
    """Leave nothing."""
    return b""


DAMAGES = (flip_bits, flip_bits, set_bytes, truncate, grow, swap, exchange, empty)


def read_all(folder):
    """Read all that is there, by every way there is: bytes of each block."""
    features = MultimodalFeatures.load(folder)
    features[::3]
    found = {}
    for name, block in features.blocks.items():
        block[5:9].values
        values, flat = block.values, np.asarray(block)
        if sparse.issparse(values):
            values = values.toarray()
        parts = (values, block.offsets, flat)
        found[name] = (block.kind, block.vocabulary_size, values.dtype, values.shape)
        found[name] += tuple(np.ascontiguousarray(part).tobytes() for part in parts)
    return found


def outcome_of(folder, expected):
    """Tell what comes of reading a store."""
    try:
        found = read_all(folder)
    except OURS as error:
        return "refused" if str(folder.name) in str(error) else f"raw {error!r}"
    except Exception as error:
        return f"raw {error!r}"
    return "same" if found == expected else "other"


def run(n_damages, seed=0, old=False):
    """Damage a store so many times: a Counter of outcomes."""
    rng, outcomes = np.random.default_rng(seed), Counter()
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as parent:
        whole, folder = Path(parent) / "whole", Path(parent) / "damaged"
        make_features(rng).save(whole)
        if old:
            without_checksums(whole)
        expected = read_all(whole)
        contents = {path.name: path.read_bytes() for path in sorted(whole.iterdir())}
        shutil.copytree(whole, folder)
        for _ in range(n_damages):
            name = str(rng.choice(list(contents)))
            damage = DAMAGES[rng.integers(len(DAMAGES))]
            damaged = damage(rng, contents[name], list(contents.values()))
            (folder / name).write_bytes(damaged)
            outcome = outcome_of(folder, expected)
            outcomes[outcome.split(" ")[0]] += 1
            if outcome.startswith("raw") or (outcome == "other" and not old):
                print(f"{damage.__name__} of {name}: {outcome:.300}", flush=True)
            (folder / name).write_bytes(contents[name])
    return outcomes


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("n_damages", type=int)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--old", action="store_true")
    print(json.dumps(run(**vars(parser.parse_args()))))
