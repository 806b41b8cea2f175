"""What the first bytes of a file say that it is."""

import re

# A bitmap's two letters alone could begin many things; its reserved bytes are zero.
_IMAGE = re.compile(
    rb"\x89PNG\r\n\x1a\n|\xff\xd8\xff|GIF8[79]a|RIFF....WEBP|BM....\x00{4}"
    rb"|II[*+]\0|MM\0[*+]|\0\0\0\x0cjP  \r\n\x87\n|\xff\x4f\xff\x51\0"
    rb"|....ftypavi[fs]|qoif",
    re.DOTALL,
)
_SOUND = re.compile(
    rb"(?:RIFF|RF64|RIFX)....WAVE|FORM....AIF[FC]|fLaC|OggS|ID3[\x02-\x04]|\.snd|caff\x00\x01",
    re.DOTALL,
)

# Bytes that are enough to tell.
N_BYTES = 32


def tell_kind(head):
    """Tell what a file is, where its first bytes leave no doubt.

    Parameters
    ----------
    head : bytes-like
        At least the first `N_BYTES` bytes, if there are so many.

    Returns
    -------
    {"image", "sound"} or None
        None where they may begin anything.

    Examples
    --------
    >>> tell_kind(b"GIF89a"), tell_kind(b"fLaC"), tell_kind(b"Dear Sir")
    ('image', 'sound', None)
    """
    head = bytes(head[:N_BYTES])
    if _IMAGE.match(head):
        return "image"
    return "sound" if _SOUND.match(head) else None
