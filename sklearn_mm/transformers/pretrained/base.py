"""What the pretrained transformers share: when a model is loaded, and when it runs."""

import hashlib
import threading
from dataclasses import dataclass
from numbers import Integral

import numpy as np
from sklearn.base import OneToOneFeatureMixin

from sklearn_mm._forks import will_compute
from sklearn_mm.blocks import FeatureBlock
from sklearn_mm.readers.column import is_missing
from sklearn_mm.readers.remarks import with_remarks, without_remarks
from sklearn_mm.transformers.base import CellTransformer
from sklearn_mm.transformers.pretrained.engines import PRECISIONS
from sklearn_mm.transformers.pretrained.modules import describe_module, hash_module
from sklearn_mm.transformers.pretrained.weights import (
    check_model,
    find_files,
    hash_files,
    is_graph,
    is_module,
    is_name,
    read_files,
)
from sklearn_mm.transformers.recall import Tried

KINDS = {"vector": "vector", "tokens": "sequence"}

# Batches of cells that are read before they are encoded: what was read of them is in
# memory, and texts of a length meet.
BATCHES_READ = 8

# The width of what a model gives, by what is known of it; so that a model whose
# features are all in the cache need not be loaded.
_widths = {}


@dataclass
class Encoded:
    """The tokens of one cell, (n_tokens, width) of float32."""

    tokens: np.ndarray


class Loaded:
    """A model in memory, or none yet. Of it no pickle and no copy holds anything."""

    def __init__(self):
        self.engine = None
        # One thread at a time: tokenizers refuse several.
        self.lock = threading.RLock()

    def __reduce__(self):
        return Loaded, ()


class PretrainedTransformer(CellTransformer):
    """Base of the transformers that run a frozen model.

    A subclass names its parameters that hold models (``_models``), loads what encodes
    (``_load_engine``), encodes what was read (``_encode``), and has a cell for a trial
    (``_trial``).
    """

    _models = ("model",)

    # Libraries that read cells and compute, whatever the model is.
    _readers = ("numpy", "torch")

    _beside_cells = (
        "batch_size",
        "device",
        "download",
        "max_bytes",
        "n_jobs",
        "on_error",
        "remote",
        "root",
        "store_weights_in_pickle",
        "timeout",
        "verbose",
    )

    @property
    def _libraries(self):
        """Libraries that compute, by the model."""
        models = [getattr(self, name) for name in self._models]
        libraries = list(self._readers)
        if any(is_graph(model) for model in models):
            libraries.append("onnxruntime")
        if any(is_name(model) and not is_graph(model) for model in models):
            libraries += ["tokenizers", "transformers"]
        return tuple(libraries)

    def get_feature_names_out(self, input_features=None):
        """Name the columns of the flat view.

        Parameters
        ----------
        input_features : array-like of str, default=None
            Only checked against the columns seen in ``fit``.

        Returns
        -------
        ndarray of shape (n_flat_features,), object
            Such as ``"embedding_0"``, or for tokens ``"mean_embedding_0"``,
            ``"std_embedding_0"`` and ``"max_embedding_0"``.
        """
        OneToOneFeatureMixin.get_feature_names_out(self, input_features)
        prefixes = [""] if self.output == "vector" else ["mean_", "std_", "max_"]
        names = [
            f"{prefix}embedding_{i}"
            for prefix in prefixes
            for i in range(self.embedding_size_)
        ]
        return np.array(names, dtype=object)

    def _check_parameters(self):
        super()._check_parameters()
        for name, known in (("output", tuple(KINDS)), ("precision", PRECISIONS)):
            if getattr(self, name) not in known:
                raise ValueError(
                    f"{name} must be one of {known}, found {getattr(self, name)!r}"
                )
        if not isinstance(self.batch_size, Integral) or self.batch_size < 1:
            raise ValueError(
                f"batch_size must be an integer of at least 1, found "
                f"{self.batch_size!r}"
            )
        for name in self._models:
            if name == "model" or getattr(self, name) is not None:
                check_model(name, getattr(self, name))

    def _load(self):
        """Find the weights; load them only where the width of the tokens is not known.

        What a pickle had brought along is forgotten.
        """
        vars(self).pop("_stored", None)
        self._loaded = Loaded()
        self.weights_sha256_ = self._hash_weights(self.download)
        known = repr((type(self), self._recipe())) if self._recipe() else None
        if known not in _widths:
            width = self._measure_width()
            if known is None:
                self.embedding_size_ = width
                return
            _widths[known] = width
        self.embedding_size_ = _widths[known]

    def _measure_width(self):
        """Encode a cell of trial, twice, since a frozen model gives the same again."""
        first, second = (self._encode_all([self._trial()])[0] for _ in range(2))
        for result in (first, second):
            if isinstance(result, Exception):
                raise result
        if not np.array_equal(first.tokens, second.tokens):
            raise ValueError(
                "the model gives something else each time for the same cell: it draws "
                "random numbers, and cannot serve as a frozen encoder"
            )
        return first.tokens.shape[1]

    def _hash_weights(self, download=False):
        """Compute the SHA-256 of the weights of all models; None without weights."""
        hashes = []
        for name in self._models:
            model = getattr(self, name)
            if is_module(model):
                hashes.append(hash_module(model))
            elif is_name(model):
                path = find_files(model, download=download)
                hashes.append(hash_files(path))
        if len(hashes) < 2:
            return hashes[0] if hashes else None
        return hashlib.sha256(" ".join(hashes).encode()).hexdigest()

    def _recipe(self):
        """Get what turns a cell into tokens: of a model its weights, not its place."""
        recipe = super()._recipe()
        for name in self._models:
            model = recipe.pop(name)
            if is_module(model):
                recipe[name] = describe_module(model)
                if recipe[name] is None:
                    return None
            elif not is_name(model) and model is not None:
                return None  # the code of a callable may change, and not its name
            else:
                recipe[name] = model is not None
        return recipe | {"weights": self.weights_sha256_}

    def _engine(self):
        """Get the model, loaded once; its weights are those of ``fit``, or an error."""
        will_compute()
        if self._loaded.engine is None:
            stored = vars(self).get("_stored")
            if stored is None:
                self._check_weights()
            self._loaded.engine = self._load_engine(stored or {})
        return self._loaded.engine

    def _check_weights(self):
        """Raise where the weights are not those of ``fit``."""
        wanted = self.weights_sha256_
        advice = (
            f"This {type(self).__name__} was fitted with weights of the SHA-256 "
            f"{wanted}, which are not in its pickle. Put them where they were, or say "
            "where they are by set_params(model=...); fit with store_weights_in_pickle"
            "=True to take them along"
        )
        try:
            found = self._hash_weights_here()
        except ValueError as error:
            raise ValueError(f"{error}. {advice}") from error
        if found != wanted:
            raise ValueError(
                f"the weights of {self.model!r:.200} have the SHA-256 {found}. {advice}"
            )

    def _hash_weights_here(self):
        """Hash the weights on this machine; fetch them only where they are not."""
        try:
            return self._hash_weights()
        except ValueError:
            if not self.download:
                raise
            return self._hash_weights(download=True)

    def _read_cells(self, cells):
        """Yield of each cell its tokens, None where missing, or why it has none."""
        cells, size = list(cells), self.batch_size * BATCHES_READ
        if not all(is_missing(cell) or isinstance(cell, Tried) for cell in cells):
            with self._loaded.lock:
                self._engine()  # now: later its errors would be taken for the cell's
        for start in range(0, len(cells), size):
            read = map(
                without_remarks, super()._read_cells(cells[start : start + size])
            )
            outcomes, remarks = map(list, zip(*read, strict=True))
            rows = [
                row for row, sample in enumerate(outcomes) if self._is_readable(sample)
            ]
            encoded = self._encode_all([outcomes[row] for row in rows])
            for row, result in zip(rows, encoded, strict=True):
                outcomes[row] = result
            yield from map(with_remarks, outcomes, remarks)

    def _is_readable(self, sample):
        """Tell whether what came of a cell can be encoded."""
        return sample is not None and not isinstance(sample, Exception | Encoded)

    def _encode_all(self, samples):
        """Encode samples: Encoded, or why one cannot be."""
        if not samples:
            return []
        with self._loaded.lock:
            return [_checked(result) for result in self._encode(samples)]

    def _to_block(self, samples):
        return FeatureBlock.from_samples(
            [None if sample is None else sample.tokens for sample in samples],
            KINDS[self.output],
            token_shape=(self.embedding_size_,),
            dtype=np.float32,
        )

    def __getstate__(self):
        state = dict(super().__getstate__())
        wants = self.store_weights_in_pickle and hasattr(self, "weights_sha256_")
        if not wants:
            state.pop("_stored", None)
        elif "_stored" not in state:
            self._check_weights()
            state["_stored"] = {
                name: read_files(find_files(getattr(self, name)))
                for name in self._models
                if is_name(getattr(self, name))
            }
        return state


def _checked(result):
    if isinstance(result, Exception):
        return result
    if not np.isfinite(result).all():
        return ValueError(
            "the model gave NaN or infinite numbers. Try precision='float32'"
        )
    return Encoded(result)


def pool_tokens(output, features):
    """Take what a model gave of each row as its tokens, or as one vector.

    Parameters
    ----------
    output : {"vector", "tokens"}
        What is asked for.
    features : ndarray of shape (n, d), (n, steps, d) or (n, d, height, width)
        Vectors, a sequence of them, or a map of features.

    Returns
    -------
    ndarray of shape (n, n_tokens, d)
        With one token for "vector", the mean. The positions of a map are tokens, row
        by row.

    Raises
    ------
    ValueError
        If the features have other axes, or tokens are asked for where there are none.
    """
    if features.ndim == 4:
        n, d = features.shape[:2]
        features = np.moveaxis(features.reshape(n, d, -1), 1, 2)
    if features.ndim not in (2, 3):
        raise ValueError(
            "the model must give features of shape (n, d), (n, steps, d) or (n, d, "
            f"height, width), found {features.shape}"
        )
    if output == "vector":
        features = features if features.ndim == 2 else features.mean(axis=1)
        return features[:, None]
    if features.ndim == 2:
        raise ValueError(
            "output='tokens', but the model gives a single vector of each cell. Set "
            "output='vector', or give a model that ends before its pooling"
        )
    return features
