"""Images: a column of files or arrays, as pixels or as vectors."""

from numbers import Integral, Real

import numpy as np
from sklearn.base import OneToOneFeatureMixin

from sklearn_mm.blocks import FeatureBlock
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
from sklearn_mm.transformers.base import CellTransformer
from sklearn_mm.transformers.pictures import (
    Pictures,
    average_rows,
    has_no_range,
    images_of,
    warn_of_scales,
    zigzag,
)
from sklearn_mm.transformers.resizing import resize_images, to_mode

CHANNELS = {"rgb": ("red", "green", "blue"), "gray": ("gray",)}
REPRESENTATIONS = ("pixels", "hog", "dct", "pca")

# An image of at most this many times the pixels of the result waits to be resized
# together with others of its shape; a larger one is resized as soon as it is read, so
# that little memory is needed.
MAX_WAITING = 4

# A JPEG is decoded at a reduced scale as long as it stays this many times the size of
# the result, which changes the result by very few levels.
REDUCED = 4


class ImageTransformer(CellTransformer):
    """Turn a column of images of any size into images of one size, or into vectors.

    A cell is the path (str or ``os.PathLike``) of a PNG, JPEG, GIF, WebP, TIFF, BMP,
    PPM, JPEG 2000, AVIF, ICO, PCX, QOI, SGI or TGA file; its content, as bytes, as an
    open file or other object with ``read()``, as a ``data:`` URI, in base64, or in
    ``{"bytes": ..., "path": ...}``; a URL, if `remote` allows it; a PIL image; or
    pixels, as an array, tensor or nested lists of any type of numbers and of shape
    ``(height, width)`` or ``(height, width, 1|3|4)``. In a numeric 2-D table, a row
    is a flattened square gray image where its length is a square number, else one row
    of pixels; its numbers count as floats, whatever their type. One column may mix
    these.

    A list of these, or an array of four axes, is several images, each a token of the
    row; so are the cells of several columns. Vectors of several are averaged.

    ``None``, NaN, ``pd.NA``, a row of only NaN, an array that is masked all over and an
    empty list are missing and become an empty sample. Images are turned as their EXIF
    orientation says; alpha is composited on white; of an animation the first frame is
    taken.

    Parameters
    ----------
    size : (int, int), default=(64, 64)
        Height and width of the result, in pixels. Resizing is bilinear, with
        antialiasing where it shrinks, and equals Pillow's ``BILINEAR`` within one of
        the 255 levels; it does not keep the aspect ratio. JPEG files of far more pixels
        are decoded at a reduced scale, at least 4 times the size, which changes the
        result by less than one level on average and by at most about five; so are
        images of more than 2**24 pixels averaged in blocks first.
    mode : {"rgb", "gray"}, default="rgb"
        Colour of the result. Gray is the luma of ITU-R BT.601.
    representation : {"pixels", "hog", "dct", "pca"}, default="pixels"
        What becomes of the pixels:

        - ``"pixels"``: the image itself, kind "image", ``(channels, height, width)``
          of uint8;
        - ``"hog"``: histograms of oriented gradients [1]_ by scikit-image, for a
          colour image of its steepest channel;
        - ``"dct"``: the lowest frequencies of the orthonormal type-II discrete cosine
          transform [2]_ of each channel, scaled to 0..1;
        - ``"pca"``: principal components of the pixels of the training images,
          scaled to 0..1.

        The last three are of kind "vector" and float32.
    orientations : int, default=9
        Bins of direction (``"hog"``).
    pixels_per_cell : (int, int), default=(8, 8)
        Height and width of a cell (``"hog"``).
    cells_per_block : (int, int), default=(2, 2)
        Height and width, in cells, of the blocks that are normalised (``"hog"``).
    n_coefficients : int, default=64
        Frequencies kept of each channel, in zigzag order (``"dct"``).
    n_components : int, default=64
        Components kept, or as many as there are training images (``"pca"``).
    value_range : (float, float), default=None
        The values of black and white, and of no and full alpha, in arrays and files
        of other dtypes than uint8 and bool; values outside are clipped. Give it for
        uint16 that holds fewer bits, such as (0, 4095) for radiographs of 12. None
        takes uint16 by its full range, and learns that of the others from the
        training cells: (0, 1) where all lie within, (0, 255) where all
        lie within and are of integer types, else their smallest and largest value. Give
        it for floats from 0 to 255, and to read many large floating-point files: they
        are held in full while it is learned.
    separator : str, default=None
        Between the paths of several images in one string, such as ``";"``. None: a
        string is one path.
    root : str or Path, default=None
        The folder where relative paths begin, or the URL of a folder or an archive
        (``"zip://::photos.zip"``); None is the working folder. It is no fence: absolute
        paths are taken as they are, and ``..`` may leave it.
    remote : bool or tuple of str, default=False
        Whether cells may be URLs, which fsspec reads (extra ``remote``), or of which
        schemes, such as ``("https", "s3")``. Nothing is fetched unless asked for.
    timeout : float, default=30.0
        Seconds for the file of one URL.
    max_bytes : int or None, default=268435456
        That one file may hold; one of more is refused before it is read.
    max_pixels : int or None, default=50_000_000
        That one image may have; one of more is refused before it is decoded. This many
        need at most some 450 MB and one to two seconds; by default half as many are
        allowed of WebP and JPEG 2000, whose decoders hold several copies. Of a JPEG
        file the pixels count at the scale at which it is decoded. Pillow's own limit,
        ``PIL.Image.MAX_IMAGE_PIXELS``, holds beside it.
    random_state : int, RandomState instance or None, default=None
        Of the randomised solver (``"pca"``). None is not reproducible, and leaves
        NumPy's global generator alone.
    on_error : {"raise", "missing"}, default="raise"
        What a cell that cannot be read does: raise an error that names its row, or
        count as missing, with one warning.
    n_jobs : int, default=None
        Threads that read cells at once; None means 1 unless in a
        :obj:`joblib.parallel_config` context, -1 all processors. For files: it changes
        neither the result nor the order.
    verbose : bool, default=False
        Whether to show a progress bar of the cells that are read.

    Attributes
    ----------
    value_range_ : (float, float)
        The range in use; (0.0, 1.0) if no training cell needs one.
    pca_ : sklearn.decomposition.PCA or None
        Only for ``"pca"``. None where ``fit`` saw no image; all are then missing.
    errors_ : dict of int to str
        Of the last column that was read, by row, why cells could not be read; with
        ``on_error="missing"`` these count as missing.
    n_features_in_ : int
        Columns seen in ``fit``: 1, or the pixels of a row of numbers.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Only where X has column names.

    References
    ----------
    .. [1] N. Dalal, B. Triggs, "Histograms of Oriented Gradients for Human
       Detection", CVPR 2005.
    .. [2] N. Ahmed, T. Natarajan, K. R. Rao, "Discrete Cosine Transform", IEEE
       Transactions on Computers, 1974.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_mm import ImageTransformer
    >>> images = [np.zeros((20, 30), dtype=np.uint8), None, np.ones((40, 40, 3))]
    >>> ImageTransformer(size=(8, 8)).fit_transform(images)
    FeatureBlock(3 samples, kind='image', token_shape=(3, 8, 8), 2 tokens, 1 missing)
    >>> ImageTransformer(representation="dct", mode="gray").fit_transform(images).shape
    (3, 64)
    """

    _layouts = ("cells", "numbers", "columns")

    _beside_cells = (
        "n_components",
        "random_state",
        "n_jobs",
        "verbose",
        "on_error",
        "root",
        "remote",
        "timeout",
        "max_bytes",
    )

    def __init__(
        self,
        size=(64, 64),
        *,
        mode="rgb",
        representation="pixels",
        orientations=9,
        pixels_per_cell=(8, 8),
        cells_per_block=(2, 2),
        n_coefficients=64,
        n_components=64,
        value_range=None,
        separator=None,
        root=None,
        remote=False,
        timeout=TIMEOUT,
        max_bytes=MAX_BYTES,
        max_pixels=MAX_PIXELS,
        random_state=None,
        on_error="raise",
        n_jobs=None,
        verbose=False,
    ):
        self.size = size
        self.mode = mode
        self.representation = representation
        self.orientations = orientations
        self.pixels_per_cell = pixels_per_cell
        self.cells_per_block = cells_per_block
        self.n_coefficients = n_coefficients
        self.n_components = n_components
        self.value_range = value_range
        self.separator = separator
        self.root = root
        self.remote = remote
        self.timeout = timeout
        self.max_bytes = max_bytes
        self.max_pixels = max_pixels
        self.random_state = random_state
        self.on_error = on_error
        self.n_jobs = n_jobs
        self.verbose = verbose

    def get_feature_names_out(self, input_features=None):
        """Name the columns of the flat view.

        Parameters
        ----------
        input_features : array-like of str, default=None
            Only checked against the columns seen in ``fit``.

        Returns
        -------
        ndarray of shape (n_flat_features,), object
            Such as ``"pixel_red_0_5"`` (channel, row, column), ``"dct_gray_0_1"``
            (channel, vertical and horizontal frequency), ``"hog_0"`` or ``"pca_0"``.
        """
        OneToOneFeatureMixin.get_feature_names_out(self, input_features)
        channels = CHANNELS[self.mode]
        height, width = self.size
        if self.representation == "pixels":
            names = [
                f"pixel_{channel}_{row}_{column}"
                for channel in channels
                for row in range(height)
                for column in range(width)
            ]
        elif self.representation == "dct":
            frequencies = np.transpose(zigzag(self.size, self.n_coefficients))
            names = [f"dct_{c}_{v}_{h}" for c in channels for v, h in frequencies]
        else:
            width = self._vector_width()
            names = [f"{self.representation}_{i}" for i in range(width)]
        return np.array(names, dtype=object)

    def _check_parameters(self):
        super()._check_parameters()
        Places.of(self).check()
        for name, known in (
            ("mode", tuple(CHANNELS)),
            ("representation", REPRESENTATIONS),
        ):
            if getattr(self, name) not in known:
                raise ValueError(
                    f"{name} must be one of {known}, found {getattr(self, name)!r}"
                )
        for name in ("size", "pixels_per_cell", "cells_per_block"):
            if not _is_pair(getattr(self, name), Integral, above=0):
                raise ValueError(
                    f"{name} must be (height, width), two integers of at least 1, "
                    f"found {getattr(self, name)!r}"
                )
        for name in ("orientations", "n_coefficients", "n_components"):
            value = getattr(self, name)
            if not isinstance(value, Integral) or value < 1:
                raise ValueError(
                    f"{name} must be an integer of at least 1, found {value!r}"
                )
        if self.value_range is not None and (
            not _is_pair(self.value_range, Real, above=-np.inf)
            or not self.value_range[0] < self.value_range[1] < np.inf
        ):
            raise ValueError(
                "value_range must be None or (black, white), two finite numbers of "
                f"which the first is smaller, found {self.value_range!r}"
            )
        if self.max_pixels is not None and not _is_count(self.max_pixels):
            raise ValueError(
                f"max_pixels must be None or an integer of at least 1, found "
                f"{self.max_pixels!r}"
            )
        if self.separator is not None and not (
            isinstance(self.separator, str) and self.separator
        ):
            raise ValueError(
                f"separator must be None or a string, found {self.separator!r}"
            )
        self._check_room()

    def _check_room(self):
        """Refuse a representation that has no room in an image of this size."""
        if self.representation == "hog" and min(self._hog_blocks()) < 1:
            raise ValueError(
                f"one block of {self.cells_per_block} cells of {self.pixels_per_cell} "
                f"pixels does not fit into an image of size {self.size}. Lower "
                "pixels_per_cell or cells_per_block, or raise size."
            )
        n_pixels = self.size[0] * self.size[1]
        if self.representation == "dct" and self.n_coefficients > n_pixels:
            raise ValueError(
                f"n_coefficients={self.n_coefficients}, but an image of size "
                f"{self.size} has only {n_pixels} frequencies"
            )

    def _take(self, X, *, reset):
        column = super()._take(X, reset=reset)
        if column.layout == "columns":
            column.cells = [Several(row) for row in column.cells]
        return column

    def _read_cell(self, cell):
        """Read the images of a cell: uint8 pixels, or as they are without a range."""
        images, places = list_images(cell, self.separator), Places.of(self)
        enough, pictures = REDUCED * max(self.size), Pictures([])
        for image in read_each(
            images,
            lambda each: read_image(each, enough, places, self.max_pixels),
            "image",
        ):
            self._add_image(pictures, image)
        return pictures if pictures.images else None

    def _add_image(self, pictures, image):
        pixels = to_uint8(image, self.value_range)
        prepared = image if pixels is None else self._prepare(pixels)
        pictures.add(prepared, image)

    def _add_cell(self, digest, cell):
        places = Places.of(self)
        images = list_images(cell, self.separator)
        digest.update(f"{len(images)} ".encode())
        return all(add_cell(digest, image, places) for image in images)

    def _learn(self, samples):
        waiting = [image for image in images_of(samples) if has_no_range(image)]
        chosen = (
            learn_value_range(waiting) if self.value_range is None else self.value_range
        )
        self.value_range_ = tuple(float(value) for value in chosen)

    def _is_final(self, sample):
        return not any(map(has_no_range, sample.images))

    def _to_block(self, samples):
        if self.value_range is None:
            warn_of_scales(type(self).__name__, samples, vars(self).get("value_range_"))
        pixels = self._finish(samples)
        lengths = [0 if s is None else len(s.images) for s in samples]
        offsets = np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)])
        block = FeatureBlock(pixels, offsets, "image")
        if self.representation in ("pixels", "pca"):
            return block
        return average_rows(self._to_vectors(pixels), block)

    def _learn_from_block(self, block):
        if self.representation == "pca":
            self.pca_ = self._fit_pca(block.values)

    def _project(self, block):
        """Project the pixels to principal components."""
        if self.representation != "pca":
            return block
        if self.pca_ is None or not len(block.values):
            empty = np.empty((0, self._vector_width()), dtype=np.float32)
            return FeatureBlock(empty, np.zeros(len(block) + 1), "vector")
        vectors = self.pca_.transform(_flatten(block.values))
        return average_rows(vectors.astype(np.float32, copy=False), block)

    def _prepare(self, pixels):
        """Bring uint8 pixels to the colour mode and, if they are many, to the size."""
        pixels = to_mode(pixels, self.mode)
        height, width, n_channels = pixels.shape
        if height * width <= MAX_WAITING * self.size[0] * self.size[1]:
            return pixels
        return np.moveaxis(resize_images([pixels], self.size, n_channels)[0], 0, -1)

    def _finish(self, samples):
        """Resize what is present: (n, channels, height, width) of uint8."""
        present = [
            self._prepare(to_uint8(image, self.value_range_))
            if has_no_range(image)
            else image
            for image in images_of(samples)
        ]
        return resize_images(present, self.size, len(CHANNELS[self.mode]))

    def _to_vectors(self, pixels):
        """Turn (n, channels, height, width) of uint8 into (n, d) of float32."""
        if not len(pixels):
            return np.empty((0, self._vector_width()), dtype=np.float32)
        if self.representation == "hog":
            return np.stack([self._hog(image) for image in pixels])
        from scipy import fft

        scaled = pixels.astype(np.float32) / 255
        spectrum = fft.dctn(scaled, axes=(2, 3), norm="ortho")
        vertical, horizontal = zigzag(self.size, self.n_coefficients)
        kept = spectrum[:, :, vertical, horizontal]
        return kept.reshape(len(pixels), -1)

    def _hog(self, image):
        from skimage.feature import hog

        vector = hog(
            np.moveaxis(image, 0, -1),
            orientations=self.orientations,
            pixels_per_cell=self.pixels_per_cell,
            cells_per_block=self.cells_per_block,
            channel_axis=-1,
        )
        return vector.astype(np.float32)

    def _hog_blocks(self):
        """Count the blocks down and across."""
        return [
            pixels // per_cell - per_block + 1
            for pixels, per_cell, per_block in zip(
                self.size, self.pixels_per_cell, self.cells_per_block, strict=True
            )
        ]

    def _fit_pca(self, pixels):
        from sklearn.decomposition import PCA

        if not len(pixels):
            return None
        if len(pixels) < 2:
            raise ValueError(
                "representation='pca' learns from at least 2 images, found "
                "n_samples = 1 that is not missing"
            )
        pixels = _flatten(pixels)
        random_state = self.random_state
        if random_state is None:
            random_state = np.random.RandomState()
        n_components = min(self.n_components, *pixels.shape)
        return PCA(n_components, random_state=random_state).fit(pixels)

    def _vector_width(self):
        """Count the columns of a vector representation."""
        if self.representation == "hog":
            blocks, cells = self._hog_blocks(), self.cells_per_block
            return int(np.prod([*blocks, *cells])) * self.orientations
        n_channels = len(CHANNELS[self.mode])
        if self.representation == "dct":
            return n_channels * self.n_coefficients
        if self.pca_ is None:
            return min(self.n_components, n_channels * self.size[0] * self.size[1])
        return self.pca_.n_components_

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        # A whole image may be missing, but NaN among its pixels is an error.
        tags.input_tags.allow_nan = False
        return tags


def _flatten(pixels):
    """Scale images to 0..1 and lay each out as a row."""
    return pixels.reshape(len(pixels), -1).astype(np.float32) / 255


def _is_count(value):
    return isinstance(value, Integral) and not isinstance(value, bool) and value > 0


def _is_pair(value, kind, *, above):
    """Tell whether a parameter is a pair of numbers of a kind."""
    try:
        first, second = value
    except (TypeError, ValueError):
        return False
    return all(isinstance(item, kind) and item > above for item in (first, second))
