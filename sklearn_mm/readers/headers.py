"""What a sound file holds, beside what its header claims."""

import struct

from sklearn_mm.readers.mpeg import (
    MAX_GARBAGE,
    count_bytes_of_tags,
    find_first_frame,
)

KINDS = {
    "mp4": "MPEG-4 (m4a, AAC)",
    "asf": "Windows Media (WMA)",
    "matroska": "Matroska or WebM",
    "aac": "AAC",
    "amr": "AMR",
    "sds": "a MIDI sample dump",
}

# Sizes with which programs that cannot go back to the header fill it, and above.
PLACEHOLDER = 0x7FFF0000


def recognise(head):
    r"""Tell the format of a sound file by its first bytes.

    Parameters
    ----------
    head : bytes
        Some thousands, or all.

    Returns
    -------
    str or None
        "wav", "aiff", "au", "flac", "ogg", "mp3", or one of :data:`KINDS`, which
        libsndfile does not read; None if it is none of these.

    Examples
    --------
    >>> from sklearn_mm.readers.headers import recognise
    >>> recognise(b"RIFF\x00\x00\x00\x00WAVE")
    'wav'
    """
    head = head[count_bytes_of_tags(head) :]
    if head[:4] in (b"RIFF", b"RIFX", b"RF64", b"BW64") and head[8:12] == b"WAVE":
        return "wav"
    by_start = {
        b"FORM": "aiff",
        b".snd": "au",
        b"fLaC": "flac",
        b"OggS": "ogg",
        b"0&\xb2u": "asf",
        b"\x1aE\xdf\xa3": "matroska",
        b"#!AM": "amr",
        b"ADIF": "aac",
    }
    if head[:4] in by_start:
        return by_start[head[:4]]
    if head[4:8] in (b"ftyp", b"moov", b"mdat"):
        return "mp4"
    if head[:1] == b"\xff" and head[1:2] and head[1] & 0xF6 == 0xF0:
        return "aac"
    if head[:2] == b"\xf0\x7e":
        return "sds"
    return "mp3" if find_first_frame(head) is not None else None


# Chunks: WAV, AIFF, AU


def mend_wav(file, n_bytes):
    """Write the length of its samples into a WAV file whose header says zero.

    Parameters
    ----------
    file : file-like
        The file.
    n_bytes : int
        Its size.

    Returns
    -------
    bytes, or None if nothing is to be mended
    """
    file.seek(0)
    head = file.read(MAX_GARBAGE)
    order = ">" if head[:4] == b"RIFX" else "<"
    start, size = _find_chunk(head, b"data", order)
    if start is None or size or start >= n_bytes or head[:4] not in (b"RIFF", b"RIFX"):
        return None
    if _are_chunks(head, start, order, n_bytes):
        return None
    mended = bytearray(head + file.read())
    mended[start - 4 : start] = struct.pack(f"{order}I", len(mended) - start)
    mended[4:8] = struct.pack(f"{order}I", len(mended) - 8)
    return bytes(mended)


def disagreement(kind, file, n_bytes):
    """Say how the size of a file differs from that in its header.

    Parameters
    ----------
    kind : str
        As of :func:`recognise`.
    file : file-like
        Its content; is read here and there.
    n_bytes : int
        Its size.

    Returns
    -------
    str or None
        None if they agree, or the format does not say.
    """
    if kind == "wav":
        return _wav_disagreement(file, n_bytes)
    file.seek(0)
    head = file.read(12)
    if len(head) < 12:
        return None
    if kind == "aiff":
        return _compare(8 + struct.unpack(">I", head[4:8])[0], n_bytes, slack=1)
    if kind == "au":
        offset, size = struct.unpack(">II", head[4:12])
        return None if size >= PLACEHOLDER else _compare(offset + size, n_bytes)
    return None


def _wav_disagreement(file, n_bytes):
    file.seek(0)
    head = file.read(MAX_GARBAGE)
    order = ">" if head[:4] == b"RIFX" else "<"
    start, size = _find_chunk(head, b"data", order)
    if start is None or size >= PLACEHOLDER or not size:
        return None
    end = start + size + size % 2
    file.seek(min(end, n_bytes))
    rest = file.read(MAX_GARBAGE)
    if end < n_bytes and _are_chunks(rest, 0, order, n_bytes - end):
        return None
    return _compare(start + size, n_bytes, slack=1)


def _compare(claimed, n_bytes, slack=0):
    if claimed > n_bytes + slack:
        return f"the header says {claimed} bytes, the file is cut at {n_bytes}"
    if claimed < n_bytes - slack:
        return f"the header says {claimed} bytes, the file has {n_bytes}"
    return None


def _find_chunk(data, name, order):
    """Find where the content of a chunk begins, and how long it says it is."""
    place = 12
    while place + 8 <= len(data):
        size = struct.unpack_from(f"{order}I", data, place + 4)[0]
        if data[place : place + 4] == name:
            return place + 8, size
        place += 8 + size + size % 2
    return None, 0


def _are_chunks(data, place, order, n_bytes=None):
    """Tell whether chunks, and nothing else, follow up to the end of the file."""
    n_bytes = len(data) if n_bytes is None else n_bytes
    while place + 8 <= min(len(data), n_bytes):
        name, size = struct.unpack_from(f"{order}4sI", data, place)
        if not all(32 <= letter < 127 for letter in name):
            return False
        place += 8 + size + size % 2
    return place <= n_bytes + 1 and n_bytes - place < 8


# FLAC


def without_length(data):
    """Take the claim of its length out of a FLAC file.

    Parameters
    ----------
    data : bytes
        Of the file.

    Returns
    -------
    data : bytes
        Whose header says that the length is not known.
    claimed : int
        Samples; 0 where the file did not know them either.
    """
    start = count_bytes_of_tags(data) + 8 + 13  # of STREAMINFO, which is always first
    if len(data) < start + 5:
        return data, 0
    claimed = int.from_bytes(data[start : start + 5], "big") & (2**36 - 1)
    mended = bytearray(data)
    mended[start] &= 0xF0
    mended[start + 1 : start + 5] = bytes(4)
    return bytes(mended), claimed


# Ogg


def split_ogg(data):
    """Take the streams apart that stand one after the other in an Ogg file.

    Parameters
    ----------
    data : bytes
        Of the file.

    Returns
    -------
    streams : list of bytes
        Each a file of its own.
    is_cut : bool
        Whether the last page is not whole, or not the last of its stream.
    """
    starts, place, flags, is_cut = [0], 0, 0, False
    while place < len(data):
        if data[place : place + 4] != b"OggS" or place + 27 > len(data):
            is_cut = True
            break
        began, flags = flags & 2, data[place + 5]
        if flags & 2 and not began and place:
            starts.append(place)
        segments = data[place + 27 : place + 27 + data[place + 26]]
        place += 27 + data[place + 26] + sum(segments)
        is_cut = place > len(data)
    ends = [*starts[1:], len(data)]
    streams = [data[a:b] for a, b in zip(starts, ends, strict=True)]
    return streams, is_cut or not flags & 4
