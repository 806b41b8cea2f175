"""Sound: a column of clips, as sequences of spectral frames."""

import warnings
from numbers import Integral, Real

import numpy as np
from scipy import fft, sparse
from sklearn.base import OneToOneFeatureMixin

from sklearn_mm.blocks import FeatureBlock
from sklearn_mm.readers.clips import as_clip
from sklearn_mm.readers.identity import add_cell
from sklearn_mm.readers.limits import TIMEOUT
from sklearn_mm.readers.locations import Places, resolve
from sklearn_mm.readers.remarks import note
from sklearn_mm.readers.several import Several, read_each
from sklearn_mm.readers.sound import (
    EXPECTED,
    MAX_DECODED_NUMBERS,
    TOO_LONG,
    lacks_rate,
    list_clips,
    read_sound,
)
from sklearn_mm.transformers.base import CellTransformer

REPRESENTATIONS = ("log_mel", "mfcc")

# Of librosa's power_to_db: the power counted as silence, and the decibels below the
# loudest band of the clip at which a band is cut off.
SILENCE = 1e-10
TOP_DB = 80.0

# Samples transformed at once, so that what they need stays in the processor's cache and
# is small enough for the allocator to use the same memory again.
CHUNK = 2**17

# Frames of a clip that are kept where max_seconds="auto": attention costs the square of
# its length in training, and so do the rows that share its batch.
MAX_FRAMES = 6_000

# Numbers in the frames of one clip (200 MB), above which it is refused.
MAX_FRAME_NUMBERS = 50_000_000

DEFAULT_RATE = 16000

# In hertz; far above that of ultrasound. A rate beyond it is a slip.
HIGHEST_RATE = 1e8

# Bytes of one file: more than for an image, since sound is read in parts.
MAX_BYTES = 2**30


class AudioTransformer(CellTransformer):
    """Turn a column of sound clips into sequences of spectral frames.

    A cell is a path (str or ``pathlib.Path``) of a file that libsndfile reads (WAV,
    FLAC, Ogg, MP3, ...) or, with the extra ``media``, FFmpeg (m4a, AAC, WMA, WebM,
    AMR), its content as bytes, an array of samples, an ``(array, rate)`` pair or a
    dict with the keys "array" and "sampling_rate".
    Samples are ``(n_samples,)`` or ``(n_samples, n_channels)``: floats as they are,
    int16, int32 and uint8 scaled to [-1, 1]. In a numeric 2-D table, a row is one
    clip of floats, whatever the type: scale integers before. Channels are averaged,
    and a clip of another rate is resampled (soxr, HQ). One column may mix all of these.
    Files may also be open files, ``{"bytes": ..., "path": ...}``, ``data:`` URIs,
    base64 or, if `remote` allows them, URLs; decoders with ``get_all_samples()`` are
    read. A list of files or of pairs with a rate is several clips of one row, and so
    are the cells of several columns: they are read one after the other, as one clip.

    ``None``, NaN, ``pd.NA``, a clip without samples and one of only NaN are missing
    and become an empty sequence. A clip of n samples at `sampling_rate` has
    ``1 + n // hop_length`` frames (where `n_fft` is even): clips of different lengths
    stay so, and what becomes of a clip does not depend on the others.

    Files are read to their end, whatever their header says of their length. There is
    one warning, with the count, for clips that are cut at `max_seconds`, for files
    whose size or header disagrees with the sound in them, such as those that were cut
    short, and for arrays whose rate had to be assumed. More than 100 million numbers in
    a clip are an error, and so are samples beyond 1e12, which are no sound.

    Parameters
    ----------
    representation : {"log_mel", "mfcc"}, default="log_mel"
        What a frame holds:

        - ``"log_mel"``: power in mel bands, in decibels. Equal to
          ``librosa.power_to_db(librosa.feature.melspectrogram(...))``: Hann window,
          frames centred and padded with zeros, Slaney's mel scale and norm, reference
          1.0, at least 1e-10, and at most 80 dB below the loudest band of the same
          clip, which sets digital silence and a quiet room on one floor;
        - ``"mfcc"``: mel-frequency cepstral coefficients [1]_, the lowest of the
          orthonormal type-II cosine transform of that. Equal to
          ``librosa.feature.mfcc``.

        Equal within 1e-4 of the range of the clip's features: 0.008 where they span
        80 dB. This is single precision; librosa transforms in double.
    sampling_rate : float, default=None
        Hertz. Of the features, and of arrays that come without a rate. None: 16000, and
        where arrays come without a rate, one warning with their count.
    n_fft : int, default=400
        Samples in a frame; 25 ms at the default rate. A shorter clip is padded.
    hop_length : int, default=160
        Samples between frames; 10 ms at the default rate.
    n_mels : int, default=64
        Mel bands.
    n_mfcc : int, default=20
        Coefficients kept (``"mfcc"``).
    deltas : bool, default=False
        Whether to append the first and the second derivative over time: a
        Savitzky-Golay filter 9 frames wide that repeats the edges. Equal to
        ``librosa.feature.delta(..., mode="nearest")``.
    fmin : float, default=0.0
        Hertz; where the lowest band begins.
    fmax : float, default=None
        Hertz; where the highest band ends. None means half of `sampling_rate`.
    max_seconds : float or "auto", default="auto"
        The beginning of longer clips is kept. "auto": 6,000 frames, which are 60
        seconds at the default `hop_length` and `sampling_rate`, with one warning and
        the count; training takes time by the square of the longest clip. None keeps
        all.
    time_axis : {None, 0, 1}, default=None
        Which axis of an array of two the samples are on. None and 0:
        ``(n_samples, n_channels)``, as soundfile gives it; 1:
        ``(n_channels, n_samples)``, as torchaudio and librosa give it. An array of more
        channels than samples is an error.
    root : str or Path, default=None
        The folder where relative paths begin, or the URL of a folder or an archive
        (``"zip://::clips.zip"``); None is the working folder. It is no fence: absolute
        paths are taken as they are, and ``..`` may leave it.
    remote : bool or tuple of str, default=False
        Whether cells may be URLs, which fsspec reads (extra ``remote``), or of which
        schemes, such as ``("https", "s3")``. Nothing is fetched unless asked for.
    timeout : float, default=30.0
        Seconds for the file of one URL.
    max_bytes : int or None, default=1073741824
        That one file may hold; one of more is refused before it is read.
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
    sampling_rate_ : float
        Hertz; the rate in use.
    errors_ : dict of int to str
        Of the last column that was read, by row, why cells could not be read; with
        ``on_error="missing"`` these count as missing.
    n_features_in_ : int
        Columns seen in ``fit``: 1, or the samples of a row of numbers.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Only where X has column names.

    References
    ----------
    .. [1] S. Davis, P. Mermelstein, "Comparison of Parametric Representations for
       Monosyllabic Word Recognition in Continuously Spoken Sentences", IEEE
       Transactions on Acoustics, Speech, and Signal Processing, 1980.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_mm import AudioTransformer
    >>> tone = np.sin(2 * np.pi * 440 * np.arange(8000) / 16000)
    >>> transformer = AudioTransformer(sampling_rate=16000)
    >>> block = transformer.fit_transform([tone, None, (tone[:2000], 8000)])
    >>> block
    FeatureBlock(3 samples, kind='sequence', token_shape=(64,), 77 tokens, 1 missing)
    >>> block.lengths
    array([51,  0, 26])
    """

    _layouts = ("cells", "numbers", "columns")
    _beside_cells = (
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
        representation="log_mel",
        *,
        sampling_rate=None,
        n_fft=400,
        hop_length=160,
        n_mels=64,
        n_mfcc=20,
        deltas=False,
        fmin=0.0,
        fmax=None,
        max_seconds="auto",
        time_axis=None,
        root=None,
        remote=False,
        timeout=TIMEOUT,
        max_bytes=MAX_BYTES,
        on_error="raise",
        n_jobs=None,
        verbose=False,
    ):
        self.representation = representation
        self.sampling_rate = sampling_rate
        self.n_fft = n_fft
        self.hop_length = hop_length
        self.n_mels = n_mels
        self.n_mfcc = n_mfcc
        self.deltas = deltas
        self.fmin = fmin
        self.fmax = fmax
        self.max_seconds = max_seconds
        self.time_axis = time_axis
        self.root = root
        self.remote = remote
        self.timeout = timeout
        self.max_bytes = max_bytes
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
            Such as ``"mean_log_mel_0"``, ``"std_delta_mfcc_3"`` or
            ``"max_delta2_log_mel_63"``: the mean, standard deviation and maximum over
            the frames.
        """
        OneToOneFeatureMixin.get_feature_names_out(self, input_features)
        names = [
            f"{statistic}_{derivative}{self.representation}_{i}"
            for statistic in ("mean", "std", "max")
            for derivative in (("", "delta_", "delta2_") if self.deltas else ("",))
            for i in range(self._n_static())
        ]
        return np.array(names, dtype=object)

    def _check_parameters(self):
        super()._check_parameters()
        Places.of(self).check()
        if self.representation not in REPRESENTATIONS:
            raise ValueError(
                f"representation must be one of {REPRESENTATIONS}, found "
                f"{self.representation!r}"
            )
        for name in ("n_fft", "hop_length", "n_mels", "n_mfcc"):
            value = getattr(self, name)
            if not isinstance(value, Integral) or value < 1:
                raise ValueError(
                    f"{name} must be an integer of at least 1, found {value!r}"
                )
        rate = self._rate()
        if not isinstance(rate, Real) or not 0 < rate < np.inf:
            raise ValueError(
                f"sampling_rate must be a positive number of hertz, found {rate!r}"
            )
        check_seconds(self.max_seconds)
        if self.time_axis not in (None, 0, 1):
            raise ValueError(
                f"time_axis must be None, 0 or 1, found {self.time_axis!r}"
            )
        fmax = rate / 2 if self.fmax is None else self.fmax
        if not 0 <= self.fmin < fmax <= rate / 2:
            raise ValueError(
                "frequencies must satisfy 0 <= fmin < fmax <= sampling_rate / 2 = "
                f"{rate / 2}, found fmin={self.fmin!r}, "
                f"fmax={self.fmax!r}"
            )
        if self.representation == "mfcc" and self.n_mfcc > self.n_mels:
            raise ValueError(
                f"n_mfcc={self.n_mfcc} coefficients cannot come from "
                f"n_mels={self.n_mels} bands: lower n_mfcc or raise n_mels"
            )
        self._check_bands()

    def _check_bands(self):
        """Refuse mel bands so narrow that no frequency of the spectrum is in them."""
        n_empty = int((self._mel_filters().max(axis=1) == 0).sum())
        if n_empty:
            raise ValueError(
                f"{n_empty} of n_mels={self.n_mels} bands lie between the frequencies "
                f"of n_fft={self.n_fft} samples and would stay silent: lower n_mels, "
                "raise n_fft, or widen fmin to fmax"
            )

    def _rate(self):
        return DEFAULT_RATE if self.sampling_rate is None else self.sampling_rate

    def _max_seconds(self):
        if isinstance(self.max_seconds, str) and self.max_seconds == "auto":
            return MAX_FRAMES * self.hop_length / self._rate()
        return self.max_seconds

    def _load(self):
        self.sampling_rate_ = self._rate()

    def _take(self, X, *, reset):
        """Take X as a column of cells, and warn where their rate is assumed."""
        column = super()._take(X, reset=reset)
        if column.layout == "columns":
            column.cells = [Several(row) for row in column.cells]
        if self.sampling_rate is None and column.layout in self._layouts:
            rows = [
                row
                for row, cell in enumerate(column.cells)
                if any(map(lacks_rate, list_clips(cell)))
            ]
            if rows:
                warnings.warn(
                    f"{len(rows)} of {len(column.cells)} cells are arrays without a "
                    f"rate, and {DEFAULT_RATE} Hz is assumed; the first: "
                    f"{type(self).__name__}: {column.where(rows[0])}. Give "
                    "sampling_rate, or (array, rate) pairs",
                    UserWarning,
                    stacklevel=3,
                )
        return column

    def _read_cell(self, cell):
        """Read the clips of a cell, one after the other: samples at the rate in use."""
        clips = read_each(list_clips(cell), self._read_clip, "clip")
        if not clips:
            return None
        samples = clips[0] if len(clips) == 1 else self._join(clips)
        self._check_frames(samples)
        return samples if len(samples) else None

    def _join(self, clips):
        """Join the clips of a row, which together are cut at max_seconds."""
        samples, seconds = np.concatenate(clips), self._max_seconds()
        n_wanted = len(samples) if seconds is None else int(seconds * self._rate())
        if len(samples) > n_wanted and self.max_seconds == "auto":
            note(
                TOO_LONG, f"only the first {seconds:g} s of {len(clips)} clips are kept"
            )
        return samples[:n_wanted]

    def _read_clip(self, cell):
        """Read one clip as samples at the rate in use, or None if there are none."""
        cell = as_clip(resolve(cell, Places.of(self), EXPECTED), self.time_axis)
        if cell is None:
            return None
        samples, rate = read_sound(
            cell,
            self._rate(),
            self._max_seconds(),
            self.max_seconds == "auto",
            self.time_axis,
        )
        if samples is None:
            return None
        if rate != self._rate():
            samples = resample(samples, rate, self._rate())
        return samples

    def _check_frames(self, samples):
        """Refuse a clip whose frames would hold too many numbers."""
        n_frames = self._n_frames(samples)
        n_numbers = n_frames * self.n_mels * (3 if self.deltas else 1)
        if n_numbers > MAX_FRAME_NUMBERS:
            raise ValueError(
                f"{len(samples)} samples would become {n_frames} frames of {n_numbers} "
                f"numbers, above the limit of {MAX_FRAME_NUMBERS}. Raise hop_length, "
                "or cut the clip by max_seconds"
            )

    def _add_cell(self, digest, cell):
        clips, places = list_clips(cell), Places.of(self)
        if len(clips) != 1:
            digest.update(f"{len(clips)} clips ".encode())
        return all(add_cell(digest, clip, places) for clip in clips)

    def _to_block(self, samples):
        present = [clip for clip in samples if clip is not None]
        lengths = np.array([self._n_frames(clip) for clip in samples])
        offsets = np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)])
        starts = offsets[:-1][lengths > 0]
        frames = self._log_mel(present, starts, offsets[-1])
        if self.representation == "mfcc" and len(frames):
            frames = fft.dct(frames, axis=1, type=2, norm="ortho")[:, : self.n_mfcc]
        frames = frames[:, : self._n_static()]
        if self.deltas and len(frames):
            frames = np.concatenate(
                [_with_deltas(clip) for clip in np.split(frames, starts[1:])]
            )
        elif self.deltas:
            frames = np.tile(frames, 3)
        return FeatureBlock(np.ascontiguousarray(frames), offsets, "sequence")

    def _log_mel(self, clips, starts, n_frames):
        """Compute the decibels of the mel bands of all frames of all clips."""
        bands = np.empty((n_frames, self.n_mels), dtype=np.float32)
        loudest, done = np.empty(n_frames, dtype=np.float32), 0
        # Sparse: a band holds few frequencies, and the order of its sum is fixed.
        filters = sparse.csr_array(self._mel_filters(), dtype=np.float32)
        for frames in self._windowed_chunks(clips):
            power = np.abs(fft.rfft(frames, axis=1))
            np.square(power, out=power)
            decibels = filters @ power.T  # (n_mels, frames)
            np.log10(np.maximum(decibels, SILENCE, out=decibels), out=decibels)
            decibels *= 10
            chunk = slice(done, done + len(frames))
            bands[chunk], loudest[chunk] = decibels.T, decibels.max(axis=0)
            done += len(frames)
        return _cut_off(bands, loudest, starts)

    def _windowed_chunks(self, clips):
        """Yield the windowed frames of clip after clip, many at once.

        In single precision, which is nearly twice as fast: its rounding is some 140 dB
        below the loudest frequency of a frame, and bands end at TOP_DB below. Each
        chunk overwrites the one before.
        """
        from scipy.signal import get_window

        window = get_window("hann", self.n_fft).astype(np.float32)
        silence = np.zeros(self.n_fft // 2, dtype=np.float32)
        n_rows = max(1, CHUNK // self.n_fft)
        buffer = np.empty((n_rows, self.n_fft), dtype=np.float32)
        filled = 0
        for clip in clips:
            padded = np.concatenate([silence, clip, silence])
            (step,) = padded.strides
            frames = np.lib.stride_tricks.as_strided(
                padded,
                shape=(self._n_frames(clip), self.n_fft),
                strides=(self.hop_length * step, step),
                writeable=False,
            )
            while len(frames):
                part = frames[: n_rows - filled]
                frames = frames[len(part) :]
                np.multiply(part, window, out=buffer[filled : filled + len(part)])
                filled += len(part)
                if filled == n_rows:
                    yield buffer
                    filled = 0
        if filled:
            yield buffer[:filled]

    def _mel_filters(self):
        """Build the mel bands: (n_mels, 1 + n_fft // 2)."""
        from librosa import filters

        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Empty filters detected")
            return filters.mel(
                sr=self._rate(),
                n_fft=self.n_fft,
                n_mels=self.n_mels,
                fmin=self.fmin,
                fmax=self.fmax,
            )

    def _n_frames(self, clip):
        """Count the frames of a clip, which are centred on its samples."""
        if clip is None:
            return 0
        return 1 + (len(clip) - self.n_fft % 2) // self.hop_length

    def _n_static(self):
        """Count the numbers of a frame, derivatives aside."""
        return self.n_mfcc if self.representation == "mfcc" else self.n_mels

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        # A whole clip may be missing, but NaN among its samples is an error.
        tags.input_tags.allow_nan = False
        return tags


def check_seconds(seconds):
    """Raise ValueError where max_seconds is none that can be."""
    is_auto = isinstance(seconds, str) and seconds == "auto"
    is_number = isinstance(seconds, Real) and seconds > 0
    if seconds is not None and not is_auto and not is_number:
        raise ValueError(
            "max_seconds must be 'auto', None or a number of seconds above 0, found "
            f"{seconds!r}"
        )


def resample(samples, rate, new_rate):
    """Resample a clip, unless its rate is none that sounds have."""
    import soxr

    n_samples = len(samples) * new_rate / rate
    if n_samples > MAX_DECODED_NUMBERS or rate > HIGHEST_RATE:
        raise ValueError(
            f"{len(samples)} samples at {rate:g} Hz would become {n_samples:.3g} at "
            f"{new_rate:g} Hz. Rates are in hertz."
        )
    return soxr.resample(samples, rate, new_rate, quality="HQ")


def _cut_off(bands, loudest, starts):
    """Raise each band to at most TOP_DB below the loudest of its clip."""
    if not len(starts):
        return bands
    floor = np.maximum.reduceat(loudest, starts) - TOP_DB
    floor = np.repeat(floor, np.diff([*starts, len(bands)]))
    return np.maximum(bands, floor[:, None], out=bands)


def _with_deltas(frames):
    """Append first and second derivative over time to the frames of one clip."""
    from scipy.signal import savgol_filter

    derivatives = [
        savgol_filter(frames, 9, polyorder=order, deriv=order, axis=0, mode="nearest")
        for order in (1, 2)
    ]
    return np.hstack([frames, *derivatives])
