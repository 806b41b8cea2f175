"""Compare the sound features of a column of clips with a loop over librosa.

Clips of unequal length (0.25 to 3 s), one thread on both sides. Both give decibels or
coefficients of every frame of every clip; the largest difference is told relative to
the range of the clip's features.

    python benchmarks/audio_features.py
"""

import argparse

import librosa
import numpy as np
import pandas as pd
import report
from timing import interleave, ratio

from sklearn_mm import AudioTransformer

# What users take at 8 and 16 kHz (frames of 25 ms every 10 ms), the same of a power of
# two, and what librosa takes by itself.
SETTINGS = {
    "8 kHz, 25 ms": {"sr": 8000, "n_fft": 200, "hop_length": 80, "n_mels": 32},
    "16 kHz, 25 ms": {"sr": 16000, "n_fft": 400, "hop_length": 160, "n_mels": 64},
    "16 kHz, 32 ms": {"sr": 16000, "n_fft": 512, "hop_length": 160, "n_mels": 64},
    "16 kHz, 128 ms": {"sr": 16000, "n_fft": 2048, "hop_length": 512, "n_mels": 128},
}


def make_clips(n_clips, sampling_rate):
    """Make sweeps over noise that grows, so that bands differ by up to 80 dB."""
    rng = np.random.default_rng(0)
    clips = []
    for _ in range(n_clips):
        n_samples = int(sampling_rate * rng.uniform(0.25, 3))
        seconds = np.arange(n_samples) / sampling_rate
        sweep = 0.5 * np.sin(
            2 * np.pi * (200 + rng.uniform(0, 800) * seconds) * seconds
        )
        noise = np.geomspace(1e-5, 1e-2, n_samples) * rng.normal(size=n_samples)
        clips.append((sweep + noise).astype(np.float32))
    return clips


def librosa_features(clip, representation, parameters):
    """Compute the features of one clip."""
    if representation == "mfcc":
        return librosa.feature.mfcc(y=clip, n_mfcc=20, **parameters).T
    return librosa.power_to_db(librosa.feature.melspectrogram(y=clip, **parameters)).T


def compare(setting, representation, n_clips, repeats):
    """Compare one setting: a row of the table."""
    parameters = SETTINGS[setting]
    clips = make_clips(n_clips, parameters["sr"])
    own = {name: value for name, value in parameters.items() if name != "sr"}
    transformer = AudioTransformer(
        representation, sampling_rate=parameters["sr"], **own
    ).fit(clips[:1])
    sides = {
        "librosa": lambda: [
            librosa_features(clip, representation, parameters) for clip in clips
        ],
        "sklearn_mm": lambda: transformer.transform(clips),
    }
    seconds = interleave(sides, repeats)
    differences = [
        np.abs(sample.values - reference).max() / np.ptp(reference)
        for sample, reference in zip(
            sides["sklearn_mm"](), sides["librosa"](), strict=True
        )
    ]
    return {
        "features": representation,
        "setting": setting,
        "librosa, s": round(float(np.median(seconds["librosa"])), 3),
        "sklearn_mm, s": round(float(np.median(seconds["sklearn_mm"])), 3),
        "times as fast": ratio(seconds["librosa"], seconds["sklearn_mm"]),
        "difference / range": f"{max(differences):.1e}",
    }


def main():
    """Compare all settings and write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=200)
    parser.add_argument("--repeats", type=int, default=7)
    options = parser.parse_args()
    table = pd.DataFrame(
        compare(setting, representation, options.rows, options.repeats)
        for representation in ("log_mel", "mfcc")
        for setting in SETTINGS
    )
    text = (
        f"Sound features of {options.rows} clips of 0.25 to 3 s, one thread. Median "
        f"(smallest to largest)\nof {options.repeats} interleaved rounds; librosa "
        f"{librosa.__version__}.\n\n"
    )
    report.write("audio_features", text + table.to_string(index=False))


if __name__ == "__main__":
    main()
