"""What image files carry beside their pixels, and what they claim and do not hold."""

import io
import struct
import zlib

import numpy as np

# Of PNG, what makes the pixels: all that is critical, and transparency.
_PNG_HEAD = b"\x89PNG\r\n\x1a\n"
_PNG_KEPT = (b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS")

# Numbers of a pixel by the type of colour; first column and row, and steps, of the
# passes of an interlaced image.
_PNG_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
_ADAM7 = [
    *[(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4)],
    *[(0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)],
]

# Of WebP, what does not.
_WEBP_LEFT = (b"EXIF", b"ICCP", b"XMP ")
_WEBP_FLAGS = 0b00101100  # a profile, EXIF, XMP

# Of JPEG, the segments of applications but for those which say what colours are meant,
# and comments.
_JPEG_LEFT = (*range(0xE1, 0xEE), 0xEF, 0xFE)

# What decoders fill in where a JPEG file has no more data.
JPEG_FILL = 128


def strip_metadata(content):
    """Leave out of an image file what is not needed for its pixels.

    Parameters
    ----------
    content : bytes
        Of a file.

    Returns
    -------
    bytes or None
        None where there is nothing to leave out, or the file is no PNG, JPEG or WebP.
    """
    if content.startswith(_PNG_HEAD):
        stripped = _strip_png(content)
    elif content.startswith(b"\xff\xd8\xff"):
        stripped = _strip_jpeg(content)
    elif content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        stripped = _strip_webp(content)
    else:
        return None
    return None if stripped == content else stripped


def _strip_png(content):
    parts, start = [_PNG_HEAD], len(_PNG_HEAD)
    while start + 8 <= len(content):
        (n_bytes,) = struct.unpack_from(">I", content, start)
        name, end = content[start + 4 : start + 8], start + 12 + n_bytes
        chunk = content[start:end]
        is_whole = len(chunk) == 12 + n_bytes
        if name == b"tRNS" and is_whole:
            is_whole = struct.pack(">I", zlib.crc32(chunk[4:-4])) == chunk[-4:]
        if name in _PNG_KEPT and (is_whole or name != b"tRNS"):
            parts.append(chunk)
        start = end
    return b"".join(parts)


def _strip_jpeg(content):
    parts, start = [content[:2]], 2
    while start + 4 <= len(content) and content[start] == 0xFF:
        marker = content[start + 1]
        if marker == 0xFF:  # filled up
            start += 1
            continue
        if marker == 0xDA:  # the pixels begin
            break
        (n_bytes,) = struct.unpack_from(">H", content, start + 2)
        if marker not in _JPEG_LEFT:
            parts.append(content[start : start + 2 + n_bytes])
        start += 2 + n_bytes
    return b"".join([*parts, content[start:]])


def _strip_webp(content):
    parts, start = [], 12
    while start + 8 <= len(content):
        name = content[start : start + 4]
        (n_bytes,) = struct.unpack_from("<I", content, start + 4)
        end = start + 8 + n_bytes + n_bytes % 2
        chunk = content[start:end]
        if name == b"VP8X" and len(chunk) > 8:
            flags = chunk[8] & ~_WEBP_FLAGS
            chunk = chunk[:8] + bytes([flags]) + chunk[9:]
        if name not in _WEBP_LEFT:
            parts.append(chunk)
        start = end
    body = b"WEBP" + b"".join(parts)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def is_short_png(content):
    """Tell whether a PNG file claims more pixels than it holds data for.

    Parameters
    ----------
    content : bytes
        Of a file that can be decoded.

    Returns
    -------
    bool
    """
    width, height, depth, colour, _, _, interlaced = struct.unpack_from(
        ">IIBBBBB", content, 16
    )
    bits = depth * _PNG_CHANNELS.get(colour, 1)
    passes = _ADAM7 if interlaced else [(0, 0, 1, 1)]
    n_expected = 0
    for left, top, across, down in passes:
        columns, rows = -((left - width) // across), -((top - height) // down)
        if columns > 0 and rows > 0:
            n_expected += rows * (1 + (columns * bits + 7) // 8)
    inflate, n_found = zlib.decompressobj(), 0
    try:
        for data in _png_data(content):
            while data and n_found < n_expected:
                # No more than is needed: behind the pixels, damage does no harm.
                n_most = min(2**20, n_expected - n_found)
                n_found += len(inflate.decompress(data, n_most))
                data = inflate.unconsumed_tail
    except zlib.error:  # damage that the decoder did not see
        return True
    return n_found < n_expected


def _png_data(content):
    """Yield what the chunks of pixels hold."""
    start = len(_PNG_HEAD)
    while start + 8 <= len(content):
        (n_bytes,) = struct.unpack_from(">I", content, start)
        if content[start + 4 : start + 8] == b"IDAT":
            yield content[start + 8 : start + 8 + n_bytes]
        start += 12 + n_bytes


def is_short_jpeg(content):
    """Tell whether a JPEG file claims more pixels than it holds data for.

    A decoder reads past the data's end only if it lacks some: so bytes that are put
    there change the image if, and only if, data is missing.

    Parameters
    ----------
    content : bytes
        Of a file that can be decoded.

    Returns
    -------
    bool
    """
    end, n_restarts = _find_end_of_scan(content)
    if end is None:
        return False
    rng = np.random.default_rng(0)
    more = rng.integers(0, 255, 4096, dtype=np.uint8).tobytes()  # without 0xFF
    if n_restarts:  # it skips all that stands before the next one
        more += bytes([0xFF, 0xD0 + n_restarts % 8]) + more
    changed = content[:end] + more + content[end:]
    return not np.array_equal(_decode_small(content), _decode_small(changed))


def _find_end_of_scan(content):
    """Find where the data of the first scan ends, and count its restart markers."""
    start = 2
    while start + 4 <= len(content) and content[start] == 0xFF:
        marker = content[start + 1]
        if marker == 0xFF:
            start += 1
            continue
        (n_bytes,) = struct.unpack_from(">H", content, start + 2)
        start += 2 + n_bytes
        if marker == 0xDA:
            break
    place, n_restarts = content.find(b"\xff", start), 0
    while place != -1 and place + 1 < len(content):
        following = content[place + 1]
        is_restart = 0xD0 <= following <= 0xD7
        if following and not is_restart:  # zero says that 0xFF is data
            return place, n_restarts
        n_restarts += is_restart
        place = content.find(b"\xff", place + 2)
    return None, 0


def _decode_small(content):
    from PIL import Image

    with Image.open(io.BytesIO(content), formats=["JPEG"]) as image:
        image.draft(None, (image.width // 8, image.height // 8))
        return np.asarray(image)
