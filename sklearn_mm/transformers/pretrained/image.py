"""Images as vectors of a pretrained model."""

from dataclasses import dataclass
from numbers import Integral, Real

import numpy as np

from sklearn_mm.readers.identity import add_cell
from sklearn_mm.readers.image_files import MAX_PIXELS
from sklearn_mm.readers.images import (
    learn_value_range,
    list_images,
    read_image,
    to_uint8,
)
from sklearn_mm.readers.limits import MAX_BYTES, TIMEOUT
from sklearn_mm.readers.locations import Places
from sklearn_mm.readers.several import Several, read_each
from sklearn_mm.transformers.pretrained.base import PretrainedTransformer, pool_tokens
from sklearn_mm.transformers.pretrained.engines import check_rows, load_engine
from sklearn_mm.transformers.pretrained.folders import (
    FolderEngine,
    load_image_processor,
)
from sklearn_mm.transformers.pretrained.weights import files_of, is_graph, is_name
from sklearn_mm.transformers.resizing import resize_images, to_mode

# A JPEG is decoded at a reduced scale as long as it stays this many times the size
# that the model takes.
REDUCED = 4

# An image to try a model on, with something to see in it.
TRIAL = np.add.outer(np.arange(64) ** 2, np.arange(64) * 7)[..., None] % [251, 199, 83]
TRIAL = TRIAL.astype(np.uint8)


@dataclass
class Waiting:
    """The images of a cell, of which some wait for the range of values."""

    images: list


class PretrainedImageTransformer(PretrainedTransformer):
    """Turn a column of images into vectors of a frozen vision model.

    What such a model has learned from millions of images helps most where there are few
    rows to learn from [1]_. Nothing is trained. A model is a folder of transformers
    (extra ``pretrained``), an ONNX file (extra ``onnx``), or your own
    ``torch.nn.Module``.

    Parameters
    ----------
    model : str, Path, torch.nn.Module or callable
        What turns pixels into vectors:

        - a folder of transformers, whose weights are safetensors, or a name on the
          Hugging Face hub, such as ``"facebook/dinov2-small"``. Images are resized,
          cropped and scaled as its ``preprocessor_config.json`` says. Of a model of
          images and texts (CLIP, SigLIP) the half for images is run.
        - the path of an ``.onnx`` file with one float32 input ``(n, 3, height, width)``
          or ``(n, height, width, 3)``, whose first output is taken.
        - a module, or a callable on float32 arrays, from ``(n, 3, height, width)`` to
          one of the shapes below. Take the head that names classes off before. A module
          is copied in ``fit``, and run in evaluation mode.

        The last two give vectors ``(n, d)``, tokens ``(n, steps, d)`` or a map
        ``(n, d, height, width)``.
    size : (int, int), default=None
        Height and width that the model takes, in pixels; images are resized to it as by
        :class:`ImageTransformer`, without keeping the aspect ratio. Not needed for a
        folder that says so; else `size`, `mean` and `std` must all be given.
    mean, std : float or (float, float, float), default=None
        By which pixels are scaled, that go from 0 to 1: (pixel - mean) / std. For most
        models trained on ImageNet (0.485, 0.456, 0.406) and (0.229, 0.224, 0.225).
    output : {"vector", "tokens"}, default="vector"
        What an image becomes: one vector, kind "vector": that which a model of
        transformers makes itself (``pooler_output``), else its class token, else the
        mean over tokens or map; or the vectors of its patches, kind "sequence", with
        special ones if the model has them.
    value_range : (float, float), default=None
        The values of black and white in arrays and files of other dtypes than uint8,
        bool and uint16, as in :class:`ImageTransformer`. None learns it from the
        training cells.
    batch_size : int, default=16
        Images that the model reads at once.
    precision : {"float32", "bfloat16"}, default="float32"
        Of weights and of what is computed; not for ONNX files, which have their own.
    device : str, default="auto"
        Where the model runs, as PyTorch calls it. "auto": a GPU where there is one.
    download : bool, default=False
        Whether a model of the hub that is not in its cache on this machine is fetched.
    store_weights_in_pickle : bool, default=False
        Whether a pickle of the fitted transformer holds the weights of a folder or a
        file. Otherwise it holds where they are and their SHA-256, and they must be
        there where it is loaded. A module is a parameter, and always in the pickle.
    root : str or Path, default=None
        The folder where relative paths begin, or the URL of a folder or an archive;
        None is the working folder. Absolute paths and ``..`` may leave it.
    remote : bool or tuple of str, default=False
        Whether cells may be URLs, which fsspec reads (extra ``remote``), or of which
        schemes, such as ``("https", "s3")``.
    timeout : float, default=30.0
        Seconds for the file of one URL.
    max_bytes : int or None, default=268435456
        That one file may hold.
    max_pixels : int or None, default=50_000_000
        That one image may have.
    on_error : {"raise", "missing"}, default="raise"
        What a cell that cannot be read does: raise an error that names its row, or
        count as missing, with one warning.
    n_jobs : int, default=None
        Threads that read cells at once; None means 1 unless in a
        :obj:`joblib.parallel_config` context, -1 all processors.
    verbose : bool, default=False
        Whether to show a progress bar of the cells that are encoded.

    Attributes
    ----------
    weights_sha256_ : str or None
        The SHA-256 of the weights; None for a callable.
    embedding_size_ : int
        Numbers in a vector.
    value_range_ : (float, float)
        The range in use; (0.0, 1.0) if no training cell needs one.
    errors_ : dict of int to str
        Of the last column that was read, by row, why cells could not be read; with
        ``on_error="missing"`` these count as missing.
    n_features_in_ : int
        Columns seen in ``fit``: 1, or the pixels of a row of numbers.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Only where X has column names.

    Raises
    ------
    ImportError
        If the extra that the model needs is not installed.
    ValueError
        If the model is not on this machine, its weights are not safetensors or not
        complete, it does not say what images it takes, or after a pickle was loaded,
        other weights are where those of ``fit`` were.

    See Also
    --------
    ImageTransformer : Pixels, for an encoder that is trained with the classifier.

    Notes
    -----
    Cells are those of :class:`ImageTransformer`; of several images in a cell, or in
    several columns, the vectors are averaged, or the tokens stand one after the other.
    Missing cells become empty samples. An image's vector does not depend on the images
    beside it beyond rounding.

    With ``MultimodalFeatureUnion(memory=...)`` an image is encoded once for all folds
    and later runs, unless the model is a callable, or a module with a class of your own
    script: their code may change, and not their name.

    References
    ----------
    .. [1] S. Kornblith, J. Shlens, Q. V. Le, "Do Better ImageNet Models Transfer
       Better?", CVPR 2019.

    Examples
    --------
    A convolution that nobody has trained, to show the form; yours has weights:

    >>> import numpy as np
    >>> import torch
    >>> from sklearn_mm import PretrainedImageTransformer
    >>> transformer = PretrainedImageTransformer(
    ...     torch.nn.Conv2d(3, 8, kernel_size=4, stride=4),
    ...     size=(16, 16), mean=0.5, std=0.5,
    ... )
    >>> images = [np.zeros((20, 30), dtype=np.uint8), None, np.ones((40, 40, 3))]
    >>> transformer.fit_transform(images)
    FeatureBlock(3 samples, kind='vector', token_shape=(8,), 2 tokens, 1 missing)
    >>> transformer.set_params(output="tokens").fit_transform(images).lengths
    array([16,  0, 16])
    """

    _layouts = ("cells", "numbers", "columns")
    _readers = ("numpy", "pillow", "torch")

    def __init__(
        self,
        model,
        *,
        size=None,
        mean=None,
        std=None,
        output="vector",
        value_range=None,
        batch_size=16,
        precision="float32",
        device="auto",
        download=False,
        store_weights_in_pickle=False,
        root=None,
        remote=False,
        timeout=TIMEOUT,
        max_bytes=MAX_BYTES,
        max_pixels=MAX_PIXELS,
        on_error="raise",
        n_jobs=None,
        verbose=False,
    ):
        self.model = model
        self.size = size
        self.mean = mean
        self.std = std
        self.output = output
        self.value_range = value_range
        self.batch_size = batch_size
        self.precision = precision
        self.device = device
        self.download = download
        self.store_weights_in_pickle = store_weights_in_pickle
        self.root = root
        self.remote = remote
        self.timeout = timeout
        self.max_bytes = max_bytes
        self.max_pixels = max_pixels
        self.on_error = on_error
        self.n_jobs = n_jobs
        self.verbose = verbose

    def _check_parameters(self):
        super()._check_parameters()
        Places.of(self).check()
        given = [name for name in ("size", "mean", "std") if self._has(name)]
        if len(given) not in (0, 3) or not (given or self._is_folder()):
            raise ValueError(
                "size, mean and std say together what images the model takes, found "
                f"only {given}. Only a folder of transformers may say so itself. For "
                "most models trained on ImageNet they are size=(224, 224), "
                "mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225)"
            )
        if given:
            _check_numbers("size", self.size, Integral, (2,), positive=True)
            _check_numbers("mean", self.mean, Real, (1, 3), positive=False)
            _check_numbers("std", self.std, Real, (1, 3), positive=True)
        if self.value_range is not None:
            _check_numbers("value_range", self.value_range, Real, (2,), positive=False)
            if not self.value_range[0] < self.value_range[1]:
                raise ValueError(
                    "value_range must be (black, white), of which the first is "
                    f"smaller, found {self.value_range!r}"
                )

    def _has(self, name):
        return getattr(self, name) is not None

    def _is_folder(self):
        return is_name(self.model) and not is_graph(self.model)

    def _load_engine(self, stored):
        """Load what prepares images, what runs, and how many pixels suffice."""
        files, process = stored.get("model"), self._scale
        if not self._is_folder():
            run = load_engine(
                self.model,
                stored=files,
                device=self.device,
                precision=self.precision,
            )
            return process, run, REDUCED * max(self.size)
        with files_of(self.model, files) as path:
            if not self._has("size"):
                process = load_image_processor(path)
            run = FolderEngine(path, "images", self.output, self.device, self.precision)
        return process, run, REDUCED * max(process(TRIAL).shape[1:])

    def _scale(self, pixels):
        """Bring pixels to the size and the numbers that the model takes."""
        resized = resize_images([pixels], self.size, 3)[0]  # (3, height, width)
        mean, std = (np.float32(v).reshape(-1, 1, 1) for v in (self.mean, self.std))
        return (resized.astype(np.float32) / 255 - mean) / std

    def _read_cell(self, cell):
        """Read the images of a cell as the model takes them, if they have a range."""
        _, _, enough = self._engine()
        places = Places.of(self)
        images = read_each(
            list_images(cell),
            lambda each: read_image(each, enough, places, self.max_pixels),
            "image",
        )
        if not images:
            return None
        pixels = [to_uint8(image, self.value_range) for image in images]
        if any(each is None for each in pixels):
            return Waiting(images)
        return [self._process(each) for each in pixels]

    def _take(self, X, *, reset):
        column = super()._take(X, reset=reset)
        if column.layout == "columns":
            column.cells = [Several(row) for row in column.cells]
        return column

    def _add_cell(self, digest, cell):
        images, places = list_images(cell), Places.of(self)
        if len(images) != 1:
            digest.update(f"{len(images)} images ".encode())
        return all(add_cell(digest, image, places) for image in images)

    def _process(self, pixels):
        """Bring uint8 pixels to the size and the numbers that the model takes."""
        process, _, _ = self._engine()
        return process(to_mode(pixels, "rgb"))  # (3, height, width) of float32

    def _is_readable(self, sample):
        return super()._is_readable(sample) and not isinstance(sample, Waiting)

    def _is_final(self, sample):
        return not isinstance(sample, Waiting)

    def _learn(self, samples):
        waiting = [
            image
            for sample in samples
            if isinstance(sample, Waiting)
            for image in sample.images
            if to_uint8(image, None) is None
        ]
        chosen = (
            learn_value_range(waiting) if self.value_range is None else self.value_range
        )
        self.value_range_ = tuple(float(value) for value in chosen)

    def _to_block(self, samples):
        rows = [row for row, s in enumerate(samples) if isinstance(s, Waiting)]
        encoded = self._encode_all(
            [
                [self._process(to_uint8(i, self.value_range_)) for i in each.images]
                for each in (samples[row] for row in rows)
            ]
        )
        samples = list(samples)
        for row, result in zip(rows, encoded, strict=True):
            if isinstance(result, Exception):
                raise result
            samples[row] = result
        return super()._to_block(samples)

    def _trial(self):
        return [self._process(TRIAL)]

    def _encode(self, cells):
        """Encode the images of each cell: tokens of all, or the mean of vectors."""
        _, run, _ = self._engine()
        images, tokens = [image for cell in cells for image in cell], []
        for start in range(0, len(images), self.batch_size):
            batch = np.stack(images[start : start + self.batch_size])
            found = check_rows(run(batch), len(batch))
            tokens.extend(pool_tokens(self.output, found))
        join = np.concatenate if self.output == "tokens" else _average
        tokens = iter(tokens)
        return [join([next(tokens) for _ in cell]) for cell in cells]

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        # A whole image may be missing, but NaN among its pixels is an error.
        tags.input_tags.allow_nan = False
        return tags


def _average(vectors):
    """Average the vectors (1, d) of the images of a cell."""
    return np.mean(vectors, axis=0)


def _check_numbers(name, value, kind, lengths, *, positive):
    """Refuse what is not some finite numbers of a kind."""
    try:
        numbers = [value] if isinstance(value, Real) and 1 in lengths else list(value)
    except TypeError:
        numbers = []
    right = len(numbers) in lengths and all(
        isinstance(v, kind) and np.isfinite(v) and (v > 0 or not positive)
        for v in numbers
    )
    if not right:
        what = "positive " if positive else ""
        sort = "integers" if kind is Integral else "numbers"
        raise ValueError(
            f"{name} must be {' or '.join(map(str, lengths))} {what}{sort}, found "
            f"{value!r}"
        )
