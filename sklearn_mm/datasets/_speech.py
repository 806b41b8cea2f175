"""Speech synthesised by espeak-ng, in a process of its own.

espeak-ng keeps state from one word to the next that nothing resets, so the same word
sounds slightly different the second time. In a fresh process the same list of words
gives the same samples. The process also keeps what the library prints, and its one
global voice, away from the caller, who may use espeak-ng as well.
"""

import ctypes
import json
import os
import struct
import subprocess
import sys
import tempfile
from typing import NamedTuple

# Constants of espeak-ng's speak_lib.h.
_SYNCHRONOUS = 2  # AUDIO_OUTPUT_RETRIEVAL that returns when the word is done
_RATE, _PITCH = 1, 3
_CHARACTERS_UTF8 = 1
_POSITION_CHARACTER = 1

SAMPLING_RATE = 22_050


class Utterance(NamedTuple):
    """What to say and how: a voice such as "de+f2", words a minute, pitch 0-99."""

    text: str
    voice: str
    speed: int
    pitch: int


def speak(utterances):
    """Say each utterance.

    Parameters
    ----------
    utterances : list of Utterance
        All that one process says. The same list gives the same samples.

    Yields
    ------
    ndarray of shape (n_samples,), int16
        At 22,050 Hz.

    Raises
    ------
    ImportError
        If espeakng-loader is not installed.
    RuntimeError
        If espeak-ng fails, or does not know a voice.
    """
    import numpy as np

    try:
        import espeakng_loader
    except ImportError as error:
        raise ImportError(
            "synthesised speech needs espeak-ng: pip install 'sklearn-mm[speech]'"
        ) from error
    request = {
        "library": espeakng_loader.get_library_path(),
        "data": espeakng_loader.get_data_path(),
        "utterances": utterances,
    }
    with (
        tempfile.TemporaryFile() as log,
        subprocess.Popen(
            [sys.executable, "-I", __file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
        ) as process,
    ):
        # The process reads all of it before it answers, so neither waits in vain.
        process.stdin.write(json.dumps(request).encode())
        process.stdin.close()
        for utterance in utterances:
            header = process.stdout.read(4)
            if len(header) < 4:
                log.seek(0)
                raise RuntimeError(
                    f"espeak-ng failed at {utterance}: "
                    f"{log.read().decode(errors='replace')[-1000:]}"
                )
            (n_samples,) = struct.unpack("<i", header)
            yield np.frombuffer(process.stdout.read(2 * n_samples), dtype="<i2")


def _answer():
    """Say what stands in standard input; write lengths and samples to the output."""
    # Only samples may reach the pipe, whatever the library prints.
    output = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    request = json.loads(sys.stdin.buffer.read())
    library = ctypes.CDLL(request["library"])
    data = request["data"].encode()
    rate = library.espeak_Initialize(_SYNCHRONOUS, 0, data, 0)
    if rate != SAMPLING_RATE:
        raise RuntimeError(f"espeak-ng could not start: it answered {rate}")
    library.espeak_ng_SetRandSeed(ctypes.c_long(1))  # else the clock: breath noise
    parts = []

    @ctypes.CFUNCTYPE(
        ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p
    )
    def keep(samples, n_samples, _events):
        if samples and n_samples > 0:
            parts.append(ctypes.string_at(samples, 2 * n_samples))
        return 0

    library.espeak_SetSynthCallback(keep)
    for text, voice, speed, pitch in request["utterances"]:
        parts.clear()
        if library.espeak_SetVoiceByName(voice.encode()):
            raise RuntimeError(f"espeak-ng does not know the voice {voice!r}")
        library.espeak_SetParameter(_RATE, speed, 0)
        library.espeak_SetParameter(_PITCH, pitch, 0)
        word = text.encode()
        status = library.espeak_Synth(
            word,
            len(word) + 1,
            0,
            _POSITION_CHARACTER,
            0,
            _CHARACTERS_UTF8,
            None,
            None,
        )
        if status or not parts:
            raise RuntimeError(f"espeak-ng said nothing (status {status})")
        sound = b"".join(parts)
        output.write(struct.pack("<i", len(sound) // 2) + sound)
    output.close()


if __name__ == "__main__":
    _answer()
