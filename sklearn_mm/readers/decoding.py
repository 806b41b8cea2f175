"""A sound file, decoded: all that it holds, whatever its header says."""

import io
import os
from dataclasses import dataclass, replace

import numpy as np

from sklearn_mm.readers import headers, mpeg
from sklearn_mm.readers.remarks import note

# Larger files are read as they come: their headers are not mended.
MAX_MENDED_BYTES = 100_000_000

# Numbers read at once.
BLOCK = 2**18

# Beyond this the power of a frame is more than a float32 holds.
MAX_LEVEL = 1e12

# What an MP3 encoder adds before and after the sound is less, in frames.
MOST_PADDING = 4

# FFmpeg's names. It is told the format rather than left to guess, since among those
# that it knows are lists of other files to open.
FFMPEG_FORMATS = {
    "mp4": "mov",
    "asf": "asf",
    "matroska": "matroska",
    "aac": "aac",
    "amr": "amr",
    "wav": "wav",
}

# An empty ID3 tag. Without one libsndfile first looks for a file "._" in the working
# folder, and takes the MP3 for another format where it finds one.
ID3 = b"ID3\x04\0\0\0\0\0\x14" + bytes(20)

DISAGREES = "do not hold as much sound as their size or header says"


@dataclass(frozen=True)
class Limits:
    """How much of a file is decoded.

    Attributes
    ----------
    seconds : float or None
        Of what is longer only the beginning is decoded.
    numbers : int
        Samples of all channels, above which it is refused.
    """

    seconds: float | None
    numbers: int

    def count_wanted(self, rate):
        """Count the samples that are wanted at a rate in hertz."""
        if not 0 < rate < np.inf:
            raise ValueError(
                f"a sampling rate is a positive number of hertz, found {rate}"
            )
        return np.inf if self.seconds is None else max(1, int(self.seconds * rate))

    def check(self, n_samples, n_channels, verb):
        """Refuse too many numbers."""
        if n_samples * n_channels > self.numbers:
            raise ValueError(
                f"it {verb} {n_samples} samples of {n_channels} channels, above the "
                f"limit of {self.numbers} numbers. Cut it into clips."
            )


def decode(file, what, limits):
    """Decode a sound file into one channel.

    Parameters
    ----------
    file : path or binary file-like
        The file.
    what : str
        It, for messages.
    limits : Limits
        How much of it.

    Returns
    -------
    samples : ndarray of shape (n_samples,), float32
        The mean of the channels.
    rate : float
        Hertz.
    is_cut : bool
        Whether it is longer than ``limits.seconds``.

    Raises
    ------
    ValueError
        If it cannot be decoded, or has more numbers than ``limits`` allow.

    Notes
    -----
    What a header says of the length is not believed where the file tells it otherwise:
    FLAC is read to its end, the frames of an MP3 file and the streams of an Ogg file
    are counted, and a WAV file whose length is zero, as programs that write into a pipe
    leave it, is all sound.
    """
    try:
        if hasattr(file, "read"):
            return _decode_open(file, limits)
        with open(file, "rb") as opened:
            return _decode_open(opened, limits)
    except Exception as error:  # of three libraries, each in its own way
        reason = getattr(error, "error_string", getattr(error, "strerror", None))
        reason = reason or str(error) or type(error).__name__
        raise ValueError(f"cannot read {what}: {reason}") from error


def _decode_open(file, limits):
    n_bytes = file.seek(0, os.SEEK_END)
    kind = headers.recognise(_head(file))
    if kind in headers.KINDS:
        return _decode_by_ffmpeg(file, kind, limits)
    decoders = {"flac": _decode_flac, "mp3": _decode_mp3, "ogg": _decode_ogg}
    if kind in decoders and n_bytes <= MAX_MENDED_BYTES:
        file.seek(0)
        return decoders[kind](file.read(), limits)
    if kind == "wav" and n_bytes <= MAX_MENDED_BYTES:
        mended = headers.mend_wav(file, n_bytes)
        file = file if mended is None else io.BytesIO(mended)
    differs = headers.disagreement(kind, file, n_bytes)
    if differs is not None:
        note(DISAGREES, f"{differs}; what is there is read")
    try:
        return _decode_by_libsndfile(file, limits)
    except RuntimeError:
        if kind != "wav" or not _has_ffmpeg():
            raise
        return _decode_by_ffmpeg(file, kind, limits)


def _head(file):
    """Read the first bytes after the tags."""
    place = 0
    while True:
        file.seek(place)
        n_tag_bytes = mpeg.count_tag_bytes(file.read(10))
        if not n_tag_bytes:
            break
        place += n_tag_bytes
    file.seek(place)
    return file.read(mpeg.MAX_GARBAGE + 3000)


def _decode_flac(data, limits):
    mended, claimed = headers.without_length(data)
    samples, rate, is_cut = _decode_by_libsndfile(
        io.BytesIO(mended), limits, n_claimed=claimed
    )
    if claimed and not is_cut and len(samples) != claimed:
        note(
            DISAGREES,
            f"the header says {claimed} samples, the file holds {len(samples)}, which "
            "are read",
        )
    return samples, rate, is_cut


def _decode_mp3(data, limits):
    frames = mpeg.find_frames(data)
    start = mpeg.count_bytes_of_tags(data) if frames is None else frames.start
    plain = io.BytesIO(ID3 + data[start:])
    if frames is None:  # of another layer
        return _decode_by_libsndfile(plain, limits)
    expected = (len(frames.parts) - MOST_PADDING) * frames.n_samples
    try:
        samples, rate, is_cut = _decode_by_libsndfile(plain, limits)
        is_whole = is_cut or len(samples) >= expected
    except RuntimeError:
        is_whole = False
    if not is_whole:
        mended = io.BytesIO(ID3 + mpeg.with_length(data, frames))
        samples, rate, is_cut = _decode_by_libsndfile(mended, limits)
    n_frames, claimed = len(frames.parts), frames.claimed
    if claimed is not None and abs(claimed - n_frames) > MOST_PADDING:
        note(
            DISAGREES,
            f"the header says {claimed} frames, the file holds {n_frames}, which are "
            "read",
        )
    return samples, rate, is_cut


def _decode_ogg(data, limits):
    streams, is_short = headers.split_ogg(data)
    parts, rates, left = [], [], limits
    for stream in streams:
        try:
            samples, rate, is_cut = _decode_by_libsndfile(io.BytesIO(stream), left)
        except RuntimeError as error:
            if is_short and stream is streams[-1]:
                raise ValueError("the file is cut short before any sound") from error
            raise
        parts.append(samples)
        rates.append(rate)
        if is_cut:
            break
        if left.seconds is not None:
            left = replace(left, seconds=left.seconds - len(samples) / rate)
    if len(set(rates)) > 1:
        raise ValueError(f"its streams have different rates, {rates} Hz: split it")
    samples = np.concatenate(parts)
    if is_short and not is_cut:
        if not len(samples):
            raise ValueError("the file is cut short before any sound")
        note(
            DISAGREES,
            f"the file is cut after {len(samples)} samples at {rates[0]} Hz, which are "
            "read",
        )
    return samples, rates[0], is_cut


class _Content:
    """A file for libsndfile, which in broken ones asks for places that are not."""

    def __init__(self, file):
        self.file = file
        self.read, self.tell = file.read, file.tell

    def seek(self, place, whence=os.SEEK_SET):
        try:
            return self.file.seek(place, whence)
        except (OSError, ValueError):
            return self.file.tell()

    def readinto(self, buffer):
        return self.file.readinto(buffer)


def _decode_by_libsndfile(file, limits, n_claimed=0):
    """Decode block by block, to the end; its errors are soundfile's.

    An error after as many samples as are claimed is no error: some programs write tags
    behind the sound.
    """
    import soundfile

    class Stream(soundfile.SoundFile):
        def seekable(self):  # or it reads no further than the header says
            return False

    file.seek(0)
    with Stream(_Content(file)) as sound:
        collected = _Collected(sound.samplerate, sound.channels, limits)
        if sound.frames < 2**62:  # which stands for an unknown length
            n_claimed_wanted = min(sound.frames, collected.n_wanted)
            limits.check(n_claimed_wanted, sound.channels, "claims")
        n_block = max(1, BLOCK // sound.channels)
        while not collected.is_cut:
            n_left = n_claimed - collected.n_samples
            n_asked = min(n_block, n_left) if n_left > 0 else n_block
            try:
                block = sound.read(n_asked, dtype="float32", always_2d=True)
            except soundfile.LibsndfileError:
                if not 0 < n_claimed <= collected.n_samples:
                    raise
                break
            if not len(block):
                break
            collected.add(block)
        return collected.join(), sound.samplerate, collected.is_cut


def _decode_by_ffmpeg(file, kind, limits):
    """Decode what libsndfile does not read."""
    if kind not in FFMPEG_FORMATS:
        raise ValueError(f"it is {headers.KINDS[kind]}, which is not read")
    if not _has_ffmpeg():
        raise ValueError(
            f"it is {headers.KINDS[kind]}, which libsndfile does not read. Install "
            "PyAV (pip install sklearn-mm[media]), or convert it to WAV or FLAC"
        )
    import av

    file.seek(0)
    with av.open(file, format=FFMPEG_FORMATS[kind], metadata_errors="ignore") as opened:
        if not opened.streams.audio:
            raise ValueError("it holds no sound")
        stream = opened.streams.audio[0]
        rate, n_channels = stream.rate, stream.channels
        if not rate or not n_channels:
            raise ValueError("its rate or its channels are not known")
        as_floats = av.AudioResampler("fltp", stream.layout, rate)
        collected = _Collected(rate, n_channels, limits)
        try:
            for frame in opened.decode(stream):
                for part in as_floats.resample(frame):
                    collected.add(part.to_ndarray().T)
                if collected.is_cut:
                    break
            is_whole = True
        except av.error.FFmpegError:
            if not collected.n_samples:
                raise
            is_whole = False
        seconds = collected.n_samples / rate
        claimed = 0 if opened.duration is None else opened.duration / av.time_base
        if not is_whole or (not collected.is_cut and seconds < 0.9 * claimed - 0.1):
            note(DISAGREES, f"it ends after {seconds:.3g} s, which are read")
        return collected.join(), rate, collected.is_cut


def _has_ffmpeg():
    try:
        import av  # noqa: F401
    except ImportError:
        return False
    return True


class _Collected:
    """Blocks of samples, mixed as they come."""

    def __init__(self, rate, n_channels, limits):
        self.n_channels, self.limits = n_channels, limits
        self.n_wanted = limits.count_wanted(rate)
        self.n_samples, self.blocks = 0, []
        self.is_cut = False

    def add(self, block):
        """Add samples (n, channels), as far as they are wanted."""
        surplus = self.n_samples + len(block) - self.n_wanted
        if surplus > 0:
            self.is_cut = True
            block = block[: len(block) - int(surplus)]
        self.n_samples += len(block)
        self.limits.check(self.n_samples, self.n_channels, "holds more than")
        self.blocks.append(mix(block))

    def join(self):
        """Give all samples (n_samples,)."""
        samples, end = np.empty(self.n_samples, dtype=np.float32), self.n_samples
        while self.blocks:  # each is let go as soon as it is copied
            block = self.blocks.pop()
            samples[end - len(block) : end] = block
            end -= len(block)
        return samples


def mix(samples):
    """Average channels, and refuse what is too loud to compute with.

    Parameters
    ----------
    samples : ndarray of shape (n_samples,) or (n_samples, n_channels), float32
        One clip or a part of it.

    Returns
    -------
    ndarray of shape (n_samples,), float32
    """
    loudest = np.abs(samples).max(initial=0)
    if MAX_LEVEL < loudest < np.inf:
        raise ValueError(
            f"found samples as large as {loudest:.3g}, where sounds lie between -1 and "
            "1. Divide them by their full scale."
        )
    return samples.mean(axis=1) if samples.ndim == 2 else samples
