"""Compare the pixels of a column of images with loops over scikit-image and Pillow.

Parts of the two photos that scikit-learn brings, as arrays of one shape, and JPEG files
of a large one; one thread on every side. scikit-image smooths by a Gaussian and gives
floats, Pillow and this package by a triangle and give uint8; the files are decoded in
full by Pillow. Differences are in levels of 0 to 255.

    python benchmarks/image_resizing.py
"""

import argparse
import io

import numpy as np
import pandas as pd
import report
import torch
from PIL import Image
from skimage.transform import resize
from sklearn.datasets import load_sample_image
from timing import interleave, ratio

from sklearn_mm import ImageTransformer

# Height and width before and after.
SHAPES = {
    (48, 48): (32, 32),
    (96, 96): (64, 64),
    (128, 128): (64, 64),
    (256, 256): (64, 64),
    (400, 600): (64, 64),
}
FILE_SHAPE = (1280, 1920)


def cut_photos(n_images, shape):
    """Cut parts of one shape out of the photos."""
    rng = np.random.default_rng(0)
    photos = [load_sample_image(name) for name in ("china.jpg", "flower.jpg")]
    parts = []
    for i in range(n_images):
        photo = photos[i % 2]
        top, left = (
            rng.integers(0, photo.shape[axis] - shape[axis] + 1) for axis in (0, 1)
        )
        parts.append(photo[top : top + shape[0], left : left + shape[1]].copy())
    return parts


def by_scikit_image(images, size):
    return np.stack([resize(image, size, anti_aliasing=True) for image in images]) * 255


def by_pillow(images, size):
    filter_ = Image.Resampling.BILINEAR
    return np.stack([np.asarray(image.resize(size[::-1], filter_)) for image in images])


def compare(what, cells, size, others, repeats):
    """Compare the ways to resize one list of cells: a row of the table for each."""
    transformer = ImageTransformer(size=size).fit(cells[:1])
    sides = {"sklearn_mm": lambda: transformer.transform(cells), **others}
    seconds = interleave(sides, repeats)
    own = np.moveaxis(transformer.transform(cells).values, 1, -1).astype(float)
    rows = []
    for name, function in others.items():
        difference = np.abs(own - function())
        rows.append(
            {
                "images": what,
                "to": f"{size[0]} x {size[1]}",
                "against": name,
                "theirs, ms": round(1e3 * float(np.median(seconds[name])), 1),
                "ours, ms": round(1e3 * float(np.median(seconds["sklearn_mm"])), 1),
                "times as fast": ratio(seconds[name], seconds["sklearn_mm"]),
                "mean difference": round(difference.mean(), 2),
                "largest": round(difference.max(), 1),
            }
        )
    return rows


def compare_arrays(n_images, shape, size, repeats):
    """Compare arrays of one shape."""
    images = cut_photos(n_images, shape)
    others = {
        "scikit-image": lambda: by_scikit_image(images, size),
        "Pillow": lambda: by_pillow(map(Image.fromarray, images), size),
    }
    what = f"{shape[0]} x {shape[1]}"
    return compare(what, images, size, others, repeats)


def compare_files(n_images, repeats):
    """Compare large JPEG files, which this package decodes at a reduced scale."""
    photo = Image.fromarray(load_sample_image("china.jpg")).resize(FILE_SHAPE[::-1])
    file = io.BytesIO()
    photo.save(file, "JPEG", quality=90)
    cells = [file.getvalue()] * n_images

    def decode_in_full():
        return by_pillow([Image.open(io.BytesIO(cell)) for cell in cells], (64, 64))

    what = f"JPEG, {FILE_SHAPE[0]} x {FILE_SHAPE[1]}"
    return compare(what, cells, (64, 64), {"Pillow": decode_in_full}, repeats)


def main():
    """Compare all shapes and write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=100)
    parser.add_argument("--repeats", type=int, default=7)
    options = parser.parse_args()
    torch.set_num_threads(1)
    rows = []
    for shape, size in SHAPES.items():
        rows += compare_arrays(options.rows, shape, size, options.repeats)
    rows += compare_files(max(1, options.rows // 5), options.repeats)
    text = (
        f"Resizing {options.rows} images in colour (a fifth of it of files), one "
        "thread. Median (smallest to\nlargest) of "
        f"{options.repeats} interleaved rounds; differences in levels of 0 to 255.\n\n"
    )
    report.write("image_resizing", text + pd.DataFrame(rows).to_string(index=False))


if __name__ == "__main__":
    main()
