"""Sound as vectors of a pretrained model."""

from collections import defaultdict
from numbers import Integral, Real

import numpy as np

from sklearn_mm.readers.clips import as_clip
from sklearn_mm.readers.identity import add_cell
from sklearn_mm.readers.limits import TIMEOUT
from sklearn_mm.readers.locations import Places, resolve
from sklearn_mm.readers.several import Several, read_each
from sklearn_mm.readers.sound import EXPECTED, list_clips, read_sound
from sklearn_mm.transformers.audio import MAX_BYTES, check_seconds, resample
from sklearn_mm.transformers.pretrained.base import PretrainedTransformer, pool_tokens
from sklearn_mm.transformers.pretrained.engines import check_rows, load_engine
from sklearn_mm.transformers.pretrained.folders import (
    FolderEngine,
    load_sound_processor,
    read_sampling_rate,
)
from sklearn_mm.transformers.pretrained.weights import (
    files_of,
    find_files,
    is_graph,
    is_name,
)

# Of a clip that the model reads at once, where max_seconds="auto".
MAX_SECONDS = 60.0


class PretrainedAudioTransformer(PretrainedTransformer):
    """Turn a column of sound clips into vectors of a frozen audio model.

    What such a model has learned from thousands of hours [1]_ helps most where there
    are few rows to learn from. Nothing is trained. A model is a folder of transformers
    (extra ``pretrained``), an ONNX file (extra ``onnx``), or your own
    ``torch.nn.Module``.

    Parameters
    ----------
    model : str, Path, torch.nn.Module or callable
        What turns samples, or frames of the `frontend`, into vectors:

        - a folder of transformers, whose weights are safetensors, or a name on the
          Hugging Face hub, such as ``"facebook/wav2vec2-base"``. Samples are scaled as
          its ``preprocessor_config.json`` says.
        - the path of an ``.onnx`` file with one float32 input, whose first output is
          taken.
        - a module, or a callable on float32 arrays. A module is copied in ``fit``, and
          run in evaluation mode.

        The last two take ``(n, n_samples)``, or of a frontend ``(n, n_frames, d)``, in
        an ONNX file with further axes of length 1 if it has them, and give vectors
        ``(n, d)`` or tokens ``(n, steps, d)``; axes of length 1 are left out.
    sampling_rate : float, default=None
        Hertz; that which the model takes. Clips of other rates are resampled, and
        arrays that come without a rate have this one. None is that of the folder; other
        models need it.
    frontend : str, Path, torch.nn.Module or callable, default=None
        What turns samples ``(1, n_samples)`` into frames ``(1, n_frames, d)`` before
        the model: an ``.onnx`` file, a module or a callable, such as the mel
        spectrogram that belongs to the model.
    mean, std : float, default=0.0 and 1.0
        By which samples, or frames of the frontend, are scaled:
        ``(value - mean) / std``. Not used for a folder.
    window : int, default=None
        Samples, or frames of the frontend, that the model reads at once. A clip that is
        shorter is padded with silence, zeros at its end; what is left at the end of a
        longer one and does not fill a window is not read. None: the model reads the
        whole clip; some pad or cut every clip to their own length then (Whisper to 30
        seconds).
    hop_length : int, default=None
        Samples or frames from window to window. None is `window`.
    max_seconds : float or "auto", default="auto"
        The beginning of longer clips is read. "auto": 60 seconds where the model reads
        whole clips, with one warning and the count, since attention takes time and
        memory by the square of the clip; with a `window` all. None reads all.
    time_axis : {None, 0, 1}, default=None
        Which axis of an array of two the samples are on, as for
        :class:`AudioTransformer`.
    output : {"vector", "tokens"}, default="vector"
        What a clip becomes: the mean of its vectors, kind "vector"; or its vectors, one
        or several for each window, kind "sequence".
    batch_size : int, default=16
        Windows, or clips of the same length, that the model reads at once.
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
    max_bytes : int or None, default=1073741824
        That one file may hold.
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
        The SHA-256 of the weights, of the frontend too; None for callables.
    embedding_size_ : int
        Numbers in a vector.
    sampling_rate_ : float
        Hertz; the rate in use.
    errors_ : dict of int to str
        Of the last column that was read, by row, why cells could not be read; with
        ``on_error="missing"`` these count as missing.
    n_features_in_ : int
        Columns seen in ``fit``: 1, or the samples of a row of numbers.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Only where X has column names.

    Raises
    ------
    ImportError
        If the extra that the model needs is not installed.
    ValueError
        If the model is not on this machine, its weights are not safetensors or not
        complete, it takes another rate, or after a pickle was loaded, other weights are
        where those of ``fit`` were.

    See Also
    --------
    AudioTransformer : Spectral frames, for an encoder that is trained with the
        classifier.

    Notes
    -----
    Cells are those of :class:`AudioTransformer`. Of several clips in a cell, or in
    several columns, each is read by itself: the vectors are averaged, or the tokens
    stand one after the other. Missing cells, clips without samples and clips of only
    NaN become empty samples. Clips are never padded to the length of others, so what
    becomes of a clip does not depend on them beyond rounding.

    With ``MultimodalFeatureUnion(memory=...)`` a clip is encoded once for all folds and
    later runs, unless a model is a callable, or a module with a class of your own
    script: their code may change, and not their name.

    References
    ----------
    .. [1] A. Baevski, H. Zhou, A. Mohamed, M. Auli, "wav2vec 2.0: A Framework for
       Self-Supervised Learning of Speech Representations", NeurIPS 2020.

    Examples
    --------
    A projection that nobody has trained, to show the form; yours has weights:

    >>> import numpy as np
    >>> import torch
    >>> from sklearn_mm import PretrainedAudioTransformer
    >>> transformer = PretrainedAudioTransformer(
    ...     torch.nn.Linear(400, 8), sampling_rate=8000, window=400, output="tokens"
    ... )
    >>> tone = np.sin(2 * np.pi * 440 * np.arange(1000) / 8000)
    >>> block = transformer.fit_transform([tone, None, tone[:100]])
    >>> block
    FeatureBlock(3 samples, kind='sequence', token_shape=(8,), 3 tokens, 1 missing)
    >>> block.lengths
    array([2, 0, 1])
    """

    _layouts = ("cells", "numbers", "columns")
    _models = ("model", "frontend")
    _readers = ("numpy", "soundfile", "soxr", "torch")

    def __init__(
        self,
        model,
        *,
        sampling_rate=None,
        frontend=None,
        mean=0.0,
        std=1.0,
        window=None,
        hop_length=None,
        max_seconds="auto",
        time_axis=None,
        output="vector",
        batch_size=16,
        precision="float32",
        device="auto",
        download=False,
        store_weights_in_pickle=False,
        root=None,
        remote=False,
        timeout=TIMEOUT,
        max_bytes=MAX_BYTES,
        on_error="raise",
        n_jobs=None,
        verbose=False,
    ):
        self.model = model
        self.sampling_rate = sampling_rate
        self.frontend = frontend
        self.mean = mean
        self.std = std
        self.window = window
        self.hop_length = hop_length
        self.max_seconds = max_seconds
        self.time_axis = time_axis
        self.output = output
        self.batch_size = batch_size
        self.precision = precision
        self.device = device
        self.download = download
        self.store_weights_in_pickle = store_weights_in_pickle
        self.root = root
        self.remote = remote
        self.timeout = timeout
        self.max_bytes = max_bytes
        self.on_error = on_error
        self.n_jobs = n_jobs
        self.verbose = verbose

    def _check_parameters(self):
        super()._check_parameters()
        Places.of(self).check()
        rate = self.sampling_rate
        if rate is None and not self._is_folder():
            raise ValueError(
                "sampling_rate must be given for a model that is no folder: the hertz "
                "that it was trained at, for most 16000"
            )
        if rate is not None and not (isinstance(rate, Real) and 0 < rate < np.inf):
            raise ValueError(
                f"sampling_rate must be a positive number of hertz, found {rate!r}"
            )
        for name in ("window", "hop_length"):
            value = getattr(self, name)
            if value is not None and (not isinstance(value, Integral) or value < 1):
                raise ValueError(
                    f"{name} must be None or an integer of at least 1, found {value!r}"
                )
        if self.hop_length is not None and self.window is None:
            raise ValueError(
                f"hop_length={self.hop_length!r} is from window to window: give window"
            )
        check_seconds(self.max_seconds)
        if self.time_axis not in (None, 0, 1):
            raise ValueError(
                f"time_axis must be None, 0 or 1, found {self.time_axis!r}"
            )
        scale = (self.mean, self.std)
        if not all(isinstance(v, Real) and np.isfinite(v) for v in scale) or (
            self.std <= 0
        ):
            raise ValueError(
                "mean and std must be finite numbers, std above 0, found "
                f"mean={self.mean!r}, std={self.std!r}"
            )
        if is_name(self.frontend) and not is_graph(self.frontend):
            raise ValueError(
                "frontend must be an .onnx file, a module or a callable, found "
                f"{str(self.frontend)!r:.200}"
            )
        if self._is_folder() and (self.frontend is not None or scale != (0, 1)):
            raise ValueError(
                "frontend, mean and std are for ONNX files, modules and callables: a "
                "folder says itself what its model takes"
            )

    def _is_folder(self):
        return is_name(self.model) and not is_graph(self.model)

    def _load(self):
        self.sampling_rate_ = self.sampling_rate
        if self._is_folder():
            folder = find_files(self.model, download=self.download)
            self.sampling_rate_ = read_sampling_rate(folder, self.sampling_rate)
        super()._load()

    def _load_engine(self, stored):
        if self._is_folder():
            with files_of(self.model, stored.get("model")) as path:
                process = load_sound_processor(path, self.sampling_rate_)
                run = FolderEngine(
                    path, "sound", self.output, self.device, self.precision
                )
            return None, process, run
        frontend, model = (
            None
            if getattr(self, name) is None
            else load_engine(
                getattr(self, name),
                stored=stored.get(name),
                device=self.device,
                precision=precision,
            )
            for name, precision in (("frontend", "float32"), ("model", self.precision))
        )
        return frontend, self._scale, model

    def _scale(self, values):
        return (values - np.float32(self.mean)) / np.float32(self.std)

    def _take(self, X, *, reset):
        column = super()._take(X, reset=reset)
        if column.layout == "columns":
            column.cells = [Several(row) for row in column.cells]
        return column

    def _read_cell(self, cell):
        """Read the clips of a cell as what the model takes; None if there are none."""
        return read_each(list_clips(cell), self._read_clip, "clip") or None

    def _max_seconds(self):
        if self.max_seconds != "auto":
            return self.max_seconds
        return MAX_SECONDS if self.window is None else None

    def _read_clip(self, cell):
        """Read one clip as what the model takes, or None if it has no samples."""
        cell = as_clip(resolve(cell, Places.of(self), EXPECTED), self.time_axis)
        if cell is None:
            return None
        samples, rate = read_sound(
            cell,
            self.sampling_rate_,
            self._max_seconds(),
            self.max_seconds == "auto",
            self.time_axis,
        )
        if samples is None:
            return None
        if rate != self.sampling_rate_:
            samples = resample(samples, rate, self.sampling_rate_)
        return self._cut(samples) if len(samples) else None

    def _add_cell(self, digest, cell):
        clips, places = list_clips(cell), Places.of(self)
        if len(clips) != 1:
            digest.update(f"{len(clips)} clips ".encode())
        return all(add_cell(digest, clip, places) for clip in clips)

    def _cut(self, samples):
        """Cut a clip into windows of what the model takes: (n_windows, ...)."""
        frontend, process, _ = self._engine()
        values = samples if frontend is None else self._frames(frontend, samples)
        if self.window is None:
            return process(values)[None]
        lacking = self.window - len(values)
        if lacking > 0:  # only without a frontend, of which frames are no silence
            values = np.pad(values, (0, lacking))
        windows = np.lib.stride_tricks.sliding_window_view(values, self.window, axis=0)
        windows = np.moveaxis(windows[:: self.hop_length or self.window], -1, 1)
        return np.stack([process(window) for window in windows])

    def _frames(self, frontend, samples):
        """Compute the frames of a clip, (n_frames, d); as many as a window at least."""
        wanted, n_samples = self.window or 1, len(samples)
        longest = n_samples + (0 if self.window is None else 100 * self._second())
        padded = samples
        while True:
            frames, problem = _try_frontend(frontend, padded)
            if len(frames) >= wanted:
                # Of a clip that was padded the first window holds all.
                return frames if len(padded) == n_samples else frames[:wanted]
            if len(padded) >= longest:
                raise ValueError(
                    f"the frontend makes {len(frames)} frames of {len(padded)} samples,"
                    f" fewer than {wanted}{problem}"
                )
            n_more = max(len(padded), self._second() // 10)
            padded = np.pad(padded, (0, n_more))

    def _second(self):
        """Count the samples of a second."""
        return int(np.ceil(self.sampling_rate_))

    def _trial(self):
        rng = np.random.RandomState(0)
        return [self._cut(rng.normal(0, 0.1, self._second()).astype(np.float32))]

    def _encode(self, cells):
        """Encode the clips of each cell: tokens of all, or the mean of vectors."""
        found = iter(self._encode_clips([clip for cell in cells for clip in cell]))
        return [self._join([next(found) for _ in cell]) for cell in cells]

    def _join(self, results):
        """Join what came of the clips of a cell; what cannot be read is why."""
        for place, result in enumerate(results, 1):
            if isinstance(result, Exception) and len(results) > 1:
                return ValueError(f"clip {place} of {len(results)}: {result}")
            if isinstance(result, Exception):
                return result
        is_vector = self.output == "vector"
        return np.mean(results, axis=0) if is_vector else np.concatenate(results)

    def _encode_clips(self, clips):
        groups, found = defaultdict(list), [None] * len(clips)
        for row, windows in enumerate(clips):
            # Whole clips stay alone if their length is their own.
            groups[windows.shape[1:]].append(row)
        for rows in groups.values():
            try:
                features = self._run(np.concatenate([clips[row] for row in rows]))
            except RuntimeError as error:
                if self.window is not None or "out of memory" in str(error):
                    raise
                for row in rows:
                    found[row] = ValueError(
                        f"the model cannot read {clips[row].shape[1:]} numbers at once "
                        f"({str(error):.200}). Give a window"
                    )
                continue
            bounds = np.cumsum([len(clips[row]) for row in rows])[:-1]
            for row, tokens in zip(rows, np.split(features, bounds), strict=True):
                tokens = tokens.reshape(-1, tokens.shape[-1])
                is_vector = self.output == "vector"
                found[row] = tokens.mean(axis=0, keepdims=True) if is_vector else tokens
        return found

    def _run(self, windows):
        """Run the model on windows: their tokens, (n_windows, n_tokens, d)."""
        _, _, run = self._engine()
        parts = []
        for start in range(0, len(windows), self.batch_size):
            batch = np.ascontiguousarray(windows[start : start + self.batch_size])
            features = check_rows(run(batch), len(batch))
            if features.ndim > 3:
                features = _without_ones(features)
            if features.ndim == 2 and self.window is not None:
                features = features[:, None]  # a token is a window
            parts.append(pool_tokens(self.output, features))
        return np.concatenate(parts)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        # A whole clip may be missing, but NaN among its samples is an error.
        tags.input_tags.allow_nan = False
        return tags


def _without_ones(features):
    """Leave out axes of length 1, but for the first and the last axis."""
    inner = range(1, features.ndim - 1)
    return features.squeeze(tuple(axis for axis in inner if features.shape[axis] == 1))


def _try_frontend(frontend, samples):
    """Compute the frames of a clip: none, and why, where it is too short for that."""
    try:
        return _as_frames(frontend(samples[None])), ""
    except RuntimeError as error:
        return np.empty((0, 0), dtype=np.float32), f" ({str(error):.200})"


def _as_frames(found):
    """Take what a frontend gave of one clip as (n_frames, d)."""
    if found.ndim < 2 or found.size != found.shape[-1] * max(found.shape[:-1]):
        raise ValueError(
            "the frontend must give frames of shape (1, n_frames, d), found "
            f"{found.shape}"
        )
    return found.reshape(-1, found.shape[-1])
