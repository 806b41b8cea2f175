"""What the classical pipelines of ``classical.py`` learn from: vectors of fixed length.

Each function makes a transformer of a table, which takes the columns it needs.
"""

import re
from functools import partial

import numpy as np
from accuracy_data import MOVIE_TEXTS, WATCH_CHANNELS, WATCH_RATE
from av_digits import RATE
from scipy.ndimage import gaussian_filter
from sklearn.compose import make_column_transformer
from sklearn.decomposition import PCA, TruncatedSVD
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.model_selection import KFold
from sklearn.pipeline import make_pipeline, make_union
from sklearn.preprocessing import FunctionTransformer, StandardScaler, TargetEncoder

from sklearn_mm import AudioTransformer, ImageTransformer, MultimodalFeatureUnion

N_MELS, N_SLICES = 40, 16
HIGHEST = 10  # hertz: hands do not move faster


def make_smooth_pixels():
    """Blur the noise of gray images away, and take their principal components."""
    smooth = FunctionTransformer(partial(_blur, sigma=1.0))
    return make_pipeline(smooth, PCA(60, random_state=0))


def _blur(X, sigma):
    images = np.stack(list(X["image"])).astype(np.float32) / 255  # (rows, 28, 28)
    return gaussian_filter(images, (0, sigma, sigma)).reshape(len(X), -1)


def make_spectrogram():
    """Cut a log-mel spectrogram into as many slices whatever its length."""
    mels = AudioTransformer(sampling_rate=RATE, n_mels=N_MELS)
    union = MultimodalFeatureUnion([("audio", mels, "audio")])
    slices = FunctionTransformer(_slice_frames)
    return make_pipeline(union, slices, StandardScaler(), PCA(80, random_state=0))


def _slice_frames(features):
    rows = []
    for frames in features["audio"]:  # (steps, bands)
        middles = np.linspace(0, len(frames) - 1, N_SLICES)
        before = middles.astype(int)
        after = np.minimum(before + 1, len(frames) - 1)
        share = (middles - before)[:, None]
        slices = (1 - share) * frames[before] + share * frames[after]
        rows.append(np.append(slices.ravel(), len(frames)))
    return np.array(rows)


def make_mfcc_statistics():
    """Take mean, deviation and maximum of MFCC and their derivatives over a clip."""
    mfcc = AudioTransformer("mfcc", sampling_rate=RATE, n_mels=N_MELS, deltas=True)
    union = MultimodalFeatureUnion([("audio", mfcc, "audio")])
    return make_pipeline(union, StandardScaler())


def make_hog_and_colours():
    """Describe an image by its gradients, and by the colours of 6 x 6 regions."""
    hog = ImageTransformer(size=(48, 48), representation="hog")
    union = [("hog", hog, "image"), ("colours", ImageTransformer(size=(6, 6)), "image")]
    return make_pipeline(MultimodalFeatureUnion(union), StandardScaler())


def make_ngrams(column, *, words=(1, 2), letters=None, min_df=1):
    """Weigh n-grams of words, of letters, or of both by TF-IDF."""
    settings = {"sublinear_tf": True, "min_df": min_df}
    kinds = []
    if words:
        pattern = r"(?u)\b\w+\b"  # short words too
        kinds.append(
            TfidfVectorizer(ngram_range=words, token_pattern=pattern, **settings)
        )
    if letters:
        kinds.append(
            TfidfVectorizer(analyzer="char_wb", ngram_range=letters, **settings)
        )
    return make_pipeline(
        FunctionTransformer(partial(_fill, column)), make_union(*kinds)
    )


def _fill(column, X):
    return X[column].fillna("").to_numpy(dtype=object)


def make_names(column):
    """Weigh the names of a list by TF-IDF, "Ethan Coen, Joel Coen" being two."""
    split = TfidfVectorizer(analyzer=_split_names, sublinear_tf=True, min_df=2)
    return make_pipeline(FunctionTransformer(partial(_fill, column)), split)


def _split_names(cell):
    names = re.split(r",\s*", re.sub(r"\([^)]*\)", "", cell.lower()))
    return [name.strip() for name in names if name.strip()]


def make_movie_terms():
    """Put words of the title and names of all else side by side, as a sparse matrix."""
    names = [make_names(column) for column in MOVIE_TEXTS if column != "Title"]
    return make_union(make_ngrams("Title", min_df=2), *names)


def make_components(terms, numbers, n_components, encoded=()):
    """Condense terms to a few numbers for trees, beside those that there are.

    Columns that are ``encoded`` become the mean target of their values, learned
    without the row itself.
    """
    columns = [("passthrough", numbers)]
    if encoded:
        shuffled = KFold(5, shuffle=True, random_state=0)
        means = TargetEncoder(target_type="continuous", cv=shuffled)
        columns.append((means, list(encoded)))
    svd = TruncatedSVD(n_components, random_state=0)
    return make_union(make_pipeline(terms, svd), make_column_transformer(*columns))


def make_window_statistics(sensors):
    """Describe windows of sensors by moments, quantiles and the spectrum."""
    return FunctionTransformer(partial(_describe_windows, sensors))


def _describe_windows(sensors, X):
    described = []
    for sensor in sensors:
        windows = np.stack(list(X[sensor]))  # (rows, steps, 3)
        size = np.linalg.norm(windows, axis=2, keepdims=True)
        described += _describe(np.concatenate([windows, size], axis=2))
        axes = windows - windows.mean(axis=1, keepdims=True)
        axes = axes / (np.linalg.norm(axes, axis=1, keepdims=True) + 1e-9)
        correlation = np.einsum("nti,ntj->nij", axes, axes)
        described.append(correlation[:, *np.triu_indices(3, 1)])
    return np.concatenate(described, axis=1)


def _describe(windows):
    """List features (rows, n) of windows (rows, steps, channels)."""
    quantiles = np.quantile(windows, [0, 0.1, 0.25, 0.5, 0.75, 0.9, 1], axis=1)
    centred = windows - windows.mean(axis=1, keepdims=True)
    steps = np.abs(np.diff(windows, axis=1)).mean(axis=1)
    power = np.abs(np.fft.rfft(centred, axis=1)) ** 2
    frequencies = np.fft.rfftfreq(windows.shape[1], 1 / WATCH_RATE)
    low = np.log(power[:, (frequencies > 0) & (frequencies <= HIGHEST)] + 1e-3)
    return [
        windows.mean(axis=1),
        windows.std(axis=1),
        steps,
        *quantiles,
        frequencies[power.argmax(axis=1)],
        low.reshape(len(windows), -1),
    ]


ALL_SENSORS = tuple(WATCH_CHANNELS)
