"""Texts in any script, as vectors of a pretrained model."""

from numbers import Integral

import numpy as np

from sklearn_mm.readers.text import join_columns, read_text
from sklearn_mm.transformers.pretrained.base import PretrainedTransformer
from sklearn_mm.transformers.pretrained.engines import (
    choose_device,
    quiet_loading,
)
from sklearn_mm.transformers.pretrained.weights import (
    files_of,
    import_library,
    is_name,
)
from sklearn_mm.transformers.tokenization import one_thread


class PretrainedTextTransformer(PretrainedTransformer):
    """Turn a column of texts into vectors of a frozen sentence-transformers model.

    What such a model has learned from millions of texts [1]_ helps most where there are
    few rows to learn from. Nothing is trained: ``fit`` finds the model and learns
    nothing from the texts. It runs by sentence-transformers (extra ``pretrained``).

    Parameters
    ----------
    model : str or Path
        A folder of sentence-transformers or of transformers, whose weights are
        safetensors; or a name on the Hugging Face hub, such as
        ``"sentence-transformers/all-MiniLM-L6-v2"``. Of a folder of transformers alone
        the token vectors are averaged. Static embeddings (of model2vec) have no
        network and are many times faster.
    output : {"vector", "tokens"}, default="vector"
        What a text becomes: the one vector that the model makes of it, kind "vector";
        or the vectors of its tokens, kind "sequence", with those of the special tokens
        that the model adds.
    max_tokens : int or None, default=None
        Longer texts are cut: the first tokens are kept, and the special ones that the
        model adds count. None, and whatever is more than the model was made for, is
        what it was made for: often 256 or 512.
    batch_size : int, default=32
        Texts that the model reads at once.
    precision : {"float32", "bfloat16"}, default="float32"
        Of the weights in memory and of what is computed. "bfloat16" takes half the
        memory and is faster on a GPU, and on processors that have it; it keeps three
        digits.
    device : str, default="auto"
        Where the model runs, as PyTorch calls it. "auto": a GPU where there is one.
    download : bool, default=False
        Whether a model of the hub that is not in its cache on this machine is fetched.
    store_weights_in_pickle : bool, default=False
        Whether a pickle of the fitted transformer holds the weights. Otherwise it holds
        where they are and their SHA-256, and they must be there where it is loaded.
    on_error : {"raise", "missing"}, default="raise"
        What becomes of a cell that is no text: an error that names its row, or a
        missing sample and one warning with the count.
    verbose : bool, default=False
        Whether to show a progress bar of the cells that are encoded.

    Attributes
    ----------
    weights_sha256_ : str
        The SHA-256 of the files that decide what the model computes.
    embedding_size_ : int
        Numbers in a vector.
    errors_ : dict of int to str
        Of the last column that was read, by row, why cells could not be read; with
        ``on_error="missing"`` these count as missing.
    n_features_in_ : int
        Columns seen in ``fit``.
    feature_names_in_ : ndarray of str
        Their names, where X had names.

    Raises
    ------
    ImportError
        If the extra ``pretrained`` is not installed.
    ValueError
        If the model is not on this machine, its weights are not safetensors or not
        complete, it asks for code of its own, or after a pickle was loaded, other
        weights are where those of ``fit`` were.

    See Also
    --------
    TextTransformer : Token ids, for encoders that are trained with the classifier.

    Notes
    -----
    Cells are those of :class:`TextTransformer`: strings and numbers; the texts of
    several columns are joined. Missing cells (``None``, NaN, ``pd.NA``) and empty texts
    become empty samples.

    The vector of a text does not depend on the texts beside it beyond rounding: some
    1e-6 of its length, or 1e-2 for "bfloat16". Equal texts are encoded once, and with
    ``MultimodalFeatureUnion(memory=...)`` once for all folds and later runs.

    No code of a model is run (``trust_remote_code``), and no pickle of it is read.
    The model is loaded when it is first needed; a model that came with a pickle, at
    the first ``transform``.

    References
    ----------
    .. [1] N. Reimers, I. Gurevych, "Sentence-BERT: Sentence Embeddings using Siamese
       BERT-Networks", EMNLP 2019.

    Examples
    --------
    >>> from sklearn_mm import PretrainedTextTransformer
    >>> transformer = PretrainedTextTransformer("sentence-transformers/no-such-model")
    >>> transformer.fit(["a red fox", None])
    Traceback (most recent call last):
        ...
    ValueError: the model 'sentence-transformers/no-such-model' is neither a folder ...
    """

    _readers = ("numpy", "sentence-transformers", "torch")

    def __init__(
        self,
        model,
        *,
        output="vector",
        max_tokens=None,
        batch_size=32,
        precision="float32",
        device="auto",
        download=False,
        store_weights_in_pickle=False,
        on_error="raise",
        verbose=False,
    ):
        self.model = model
        self.output = output
        self.max_tokens = max_tokens
        self.batch_size = batch_size
        self.precision = precision
        self.device = device
        self.download = download
        self.store_weights_in_pickle = store_weights_in_pickle
        self.on_error = on_error
        self.verbose = verbose

    def _check_parameters(self):
        super()._check_parameters()
        if not is_name(self.model):
            raise TypeError(
                "model must be a folder or the name of a model on the hub, found "
                f"{self.model!r:.200}"
            )
        if self.max_tokens is not None and (
            not isinstance(self.max_tokens, Integral) or self.max_tokens < 1
        ):
            raise ValueError(
                f"max_tokens must be None or an integer of at least 1, found "
                f"{self.max_tokens!r}"
            )

    def _take(self, X, *, reset):
        """Take X as a column; the cells of a row of several columns are one text."""
        return join_columns(super()._take(X, reset=reset))

    def _add_cell(self, digest, cell):
        """Add a text, which never stands for a file here."""
        try:
            text = read_text(cell)
        except (TypeError, ValueError):
            return False
        digest.update(b"text ")
        digest.update((text or "").encode())
        return True

    def _read_cell(self, cell):
        return read_text(cell)

    def _trial(self):
        return "a red fox"

    def _measure_width(self):
        """Encode a text by two loads of the model: lacking weights would differ."""
        with self._loaded.lock:
            first = self._encode([self._trial()])[0]
            self._loaded.engine = None
            second = self._encode([self._trial()])[0]
        if not np.array_equal(first, second, equal_nan=True):
            raise ValueError(
                f"the model {str(self.model)!r:.200} gives something else each time it "
                "is loaded: its folder lacks some of its weights, which are then random"
            )
        return first.shape[1]

    def _load_engine(self, stored):
        library = import_library("sentence_transformers", "pretrained")
        import torch

        with (
            files_of(self.model, stored.get("model")) as path,
            quiet_loading(),
        ):
            model = library.SentenceTransformer(
                str(path),
                device=choose_device(self.device),
                local_files_only=True,
                trust_remote_code=False,
                model_kwargs={
                    "use_safetensors": True,
                    "dtype": getattr(torch, self.precision),
                },
            )
        model.eval().requires_grad_(False)
        if self.precision != "float32":
            model.to(getattr(torch, self.precision))  # of the later modules, too
        if self.max_tokens is not None:
            _cut_at(self.max_tokens, model)
        return model

    def _encode(self, texts):
        engine = self._engine()
        distinct = list(dict.fromkeys(texts))
        values = {"vector": "sentence_embedding", "tokens": "token_embeddings"}
        try:
            with one_thread():
                found = engine.encode(
                    distinct,
                    batch_size=self.batch_size,
                    output_value=values[self.output],
                    show_progress_bar=False,
                )
        except KeyError as error:
            raise ValueError(
                f"output={self.output!r}, but the model has no {error}: static "
                "embeddings give a single vector of a text"
            ) from error
        arrays = [
            np.atleast_2d(np.asarray(row.float().cpu() if _is_tensor(row) else row))
            for row in found
        ]
        of_text = dict(zip(distinct, arrays, strict=True))
        return [of_text[text].astype(np.float32, copy=False) for text in texts]


def _cut_at(max_tokens, model):
    """Have a model read no more than so many tokens."""
    if model.max_seq_length is not None and model.max_seq_length <= max_tokens:
        return
    try:
        model.max_seq_length = max_tokens
    except AttributeError as error:
        raise ValueError(
            f"max_tokens={max_tokens!r}, but static embeddings read whole texts: leave "
            "max_tokens=None"
        ) from error


def _is_tensor(row):
    return hasattr(row, "detach")
