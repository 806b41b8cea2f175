"""The frames of an MP3 file, and the tags before them."""

import struct
from dataclasses import dataclass

# Of an MPEG frame's header: kilobits a second and hertz, by version (3 is MPEG-1, 2
# MPEG-2, 0 MPEG-2.5), of layer III.
_SLOW = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160, 0)
_FAST = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 0)
BIT_RATES = {3: _FAST, 2: _SLOW, 0: _SLOW}
SAMPLING_RATES = {
    3: (44100, 48000, 32000),
    2: (22050, 24000, 16000),
    0: (11025, 12000, 8000),
}

# Bytes among which the first MPEG frame is looked for.
MAX_GARBAGE = 2**16


@dataclass
class Frames:
    """The frames of MPEG layer III in a file.

    Attributes
    ----------
    start : int
        Where the first frame is, be it of sound or a header.
    parts : list of (int, int)
        Where each frame of sound begins and ends.
    claimed : int or None
        Frames that a Xing header claims.
    n_samples : int
        In a frame.
    header : bytes of length 4
        Of the first.
    """

    start: int
    parts: list
    claimed: int | None
    n_samples: int
    header: bytes


def find_frames(data):
    """Find the frames of an MP3 file, whatever stands between them.

    Parameters
    ----------
    data : bytes
        Of the file.

    Returns
    -------
    Frames or None
        None if there are none of layer III.
    """
    place = count_bytes_of_tags(data)
    first = find_first_frame(data[place : place + MAX_GARBAGE + 3000])
    if first is None:
        return None
    place += first
    version, _ = _parse(data[place : place + 4])
    n_samples = 1152 if version == 3 else 576
    found = Frames(place, [], None, n_samples, data[place : place + 4])
    sampling = data[place + 2] & 0x0C
    while place + 4 <= len(data):
        parsed = _parse(data[place : place + 4])
        if parsed is None or parsed[0] != version or data[place + 2] & 0x0C != sampling:
            place = data.find(b"\xff", place + 1)
            if place < 0:
                break
            continue
        frame = data[place : place + parsed[1]]
        tag = max(frame[:200].find(b"Xing"), frame[:200].find(b"Info"))
        if tag < 0:
            found.parts.append((place, place + len(frame)))
        elif found.claimed is None and not found.parts and frame[tag + 7] & 1:
            found.claimed = int.from_bytes(frame[tag + 8 : tag + 12], "big")
        place += parsed[1]
    return found if found.parts else None


def with_length(data, frames):
    """Put an MP3 file together from its frames, and the header that counts them.

    Parameters
    ----------
    data : bytes
        Of the file.
    frames : Frames
        In it.

    Returns
    -------
    bytes
    """
    sound = b"".join(data[start:end] for start, end in frames.parts)
    header = bytearray(frames.header)
    header[1] |= 1  # no checksum
    header[2] = (header[2] & 0x0D) | 0x90  # the tenth bit rate, in which there is room
    version, length = _parse(bytes(header))
    is_mono = header[3] >> 6 == 3
    n_side = {(True, True): 17, (True, False): 32, (False, True): 9}.get(
        (version == 3, is_mono), 17
    )
    tag = b"Xing" + struct.pack(">III", 3, len(frames.parts), len(sound) + length)
    return (bytes(header) + bytes(n_side) + tag).ljust(length, b"\0") + sound


def find_first_frame(data):
    """Find where a frame begins that another follows, or that is alone.

    Parameters
    ----------
    data : bytes
        Of which the first :data:`MAX_GARBAGE` are searched.

    Returns
    -------
    int or None
    """
    place = data.find(b"\xff", 0, MAX_GARBAGE)
    while place >= 0:
        parsed = _parse(data[place : place + 4])
        if parsed is not None:
            after = data[place + parsed[1] : place + parsed[1] + 4]
            follows = _parse(after)
            if follows is not None and follows[0] == parsed[0]:
                return place
            if place == 0 and len(data) == parsed[1]:
                return place
        place = data.find(b"\xff", place + 1, MAX_GARBAGE)
    return None


def _parse(header):
    """Read the version and the length in bytes of a frame of layer III, or None."""
    if len(header) < 4 or header[0] != 0xFF or header[1] & 0xE6 != 0xE2:
        return None
    version, rate = header[1] >> 3 & 3, header[2] >> 2 & 3
    if version == 1 or rate == 3:
        return None
    bits = BIT_RATES[version][header[2] >> 4]
    if not bits:
        return None
    n_bytes = (144 if version == 3 else 72) * bits * 1000
    return version, n_bytes // SAMPLING_RATES[version][rate] + (header[2] >> 1 & 1)


def count_tag_bytes(head):
    """Count the bytes of an ID3 tag; 0 where there is none.

    Parameters
    ----------
    head : bytes
        Its first ten.

    Returns
    -------
    int
    """
    if head[:3] != b"ID3" or len(head) < 10:
        return 0
    size = 0
    for byte in head[6:10]:
        size = size << 7 | byte & 0x7F
    return 10 + size + (10 if head[5] & 0x10 else 0)


def count_bytes_of_tags(data):
    """Count the bytes of all ID3 tags before the sound.

    Parameters
    ----------
    data : bytes
        Of a file.

    Returns
    -------
    int
    """
    place = 0
    while n_bytes := count_tag_bytes(data[place : place + 10]):
        place += n_bytes
    return place
