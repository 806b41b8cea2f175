"""The tokens that go into the fusion, and what in the cells of X each stands for."""

from dataclasses import dataclass, field

import numpy as np
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from sklearn_mm.compose.union import MultimodalFeatureUnion
from sklearn_mm.estimators.base import BaseAttentionFusion
from sklearn_mm.features import MultimodalFeatures
from sklearn_mm.inspection.outputs import found_model
from sklearn_mm.transformers.audio import AudioTransformer

ABSENT = "(absent)"
PLACES = ("start", "end", "left", "top", "right", "bottom")


@dataclass
class Inspected:
    """A fitted estimator, the rows it sees, and what is known of their cells.

    Attributes
    ----------
    estimator : attention fusion estimator
        Without the pipeline that it may have stood in.
    features : MultimodalFeatures
        With the fitted modalities, in their order.
    index : pandas.Index
        Of the rows.
    words : dict of str to list of list of str
        For modalities of text, the tokens of each row.
    seconds : dict of str to float
        For modalities of sound, the time from step to step.
    feature_names : dict of str to ndarray of str
        For modalities of numbers.
    """

    estimator: BaseAttentionFusion
    features: MultimodalFeatures
    index: object
    words: dict = field(default_factory=dict)
    seconds: dict = field(default_factory=dict)
    feature_names: dict = field(default_factory=dict)

    @property
    def network(self):
        """The trained torch module."""
        return self.estimator.net_.module_

    def encoded_batches(self):
        """Iterate over what the fusion sees of the rows, batch by batch."""
        return self.estimator._encoded_batches(self.features)


def inspect_model(estimator, X, *, read_cells=False):
    """Take a pipeline apart and transform its rows.

    Parameters
    ----------
    estimator : fitted attention fusion estimator, or Pipeline that ends in one
        The model, or a search that has found it.
    X : as in the estimator's ``predict``
        Of n_samples.
    read_cells : bool, default=False
        Whether to look up the words, times and names of the tokens. They are known
        where the step before the estimator is a :class:`MultimodalFeatureUnion`.

    Returns
    -------
    Inspected

    Raises
    ------
    TypeError
        If the estimator is no attention fusion estimator.
    """
    import pandas as pd

    index, union, cells = getattr(X, "index", None), None, None
    estimator = found_model(estimator)
    if isinstance(estimator, Pipeline):
        cells = estimator[:-2].transform(X) if len(estimator) > 2 else X
        if len(estimator) > 1:
            union = estimator[-2]
            X = estimator[-2:-1].transform(cells)
        estimator = estimator[-1]
    if not isinstance(estimator, BaseAttentionFusion):
        raise TypeError(
            "expected an AttentionFusionClassifier or AttentionFusionRegressor, or a "
            f"Pipeline that ends in one, found {type(estimator).__name__}"
        )
    check_is_fitted(estimator)
    features = estimator._check_features(X, reset=False)
    if not isinstance(index, pd.Index):
        index = pd.RangeIndex(len(features))
    model = Inspected(estimator, features, index)
    if read_cells and isinstance(union, MultimodalFeatureUnion):
        for name, transformer, column in union._fitted_steps(cells):
            _look_up(model, name, transformer, column)
    return model


def _look_up(model, name, transformer, column):
    """Note what the transformer of a modality knows of its tokens."""
    if hasattr(transformer, "tokenize"):
        model.words[name] = transformer.tokenize(column)
    elif isinstance(transformer, AudioTransformer):
        model.seconds[name] = transformer.hop_length / transformer.sampling_rate_
    elif model.features[name].kind == "vector":
        try:
            model.feature_names[name] = transformer.get_feature_names_out()
        except AttributeError:  # a transformer that cannot name what it makes
            return


def token_table(model, batches, name):
    """Lay the scores of tokens out, a row for each.

    Parameters
    ----------
    model : Inspected
        Whose cells were read.
    batches : iterable of (list of ndarray, list of ndarray, ndarray)
        For each batch, in order, of each modality the scores (batch, steps) and the
        mask (batch, steps); and which modalities the rows have (n_modalities, batch).
    name : str
        Of the column of scores.

    Returns
    -------
    DataFrame
        With the columns sample, modality, token, label, those of PLACES, and ``name``.
    """
    import pandas as pd

    names, describe = model.features.names, _Describer(model)
    samples, parts, row = [], {"modality": [], "token": [], "label": [], name: []}, 0
    places = []
    for scores, masks, present in batches:
        for i in range(len(scores[0])):
            for j, modality in enumerate(names):
                found = scores[j][i][masks[j][i]]
                labels, where = describe(modality, row, len(found), present[j][i])
                samples += [row] * len(found)
                parts["modality"] += [modality] * len(found)
                parts["token"] += range(len(found))
                parts["label"] += labels
                parts[name].append(found.astype(np.float64))
                places.append(where)
            row += 1
    scores = np.concatenate(parts.pop(name))
    return pd.DataFrame(
        {
            "sample": model.index.take(samples),
            **parts,
            **dict(zip(PLACES, np.concatenate(places, axis=1), strict=True)),
            name: scores,
        }
    )


class _Describer:
    """Says of the tokens of one modality of one row what they stand for."""

    def __init__(self, model):
        self.model = model
        self.encoders = dict(
            zip(model.network.names, model.network.encoders, strict=True)
        )
        blocks = model.features.blocks
        self.lengths = {name: block.lengths for name, block in blocks.items()}
        self.known = {}

    def __call__(self, modality, row, n_tokens, present):
        """Give the labels, a list, and the places, (len(PLACES), n_tokens)."""
        if not present:
            return [ABSENT] * n_tokens, np.full((len(PLACES), n_tokens), np.nan)
        spans = self._spans(modality, int(self.lengths[modality][row]), n_tokens)
        labels = [""] * n_tokens
        if "feature" in spans:
            names = self.model.feature_names.get(modality)
            labels = [
                f"feature {number}" if names is None else str(names[number])
                for number in spans["feature"]
            ]
        elif modality in self.model.words and spans:
            words = self.model.words[modality][row]
            ends = zip(spans["start"], spans["end"], strict=True)
            labels = [" ".join(words[start:end]) for start, end in ends]
        nowhere = np.full(n_tokens, np.nan)
        places = np.array([spans.get(name, nowhere) for name in PLACES], dtype=float)
        if modality in self.model.seconds:
            # A frame is centred on its time, so it begins half a step before.
            steps = np.maximum(places[:2] - 0.5, 0)
            places[:2] = steps * self.model.seconds[modality]
        return labels, places

    def _spans(self, modality, n_steps, n_tokens):
        """Ask the encoder, once for each length; a module of the user may not know."""
        if (modality, n_steps) not in self.known:
            encoder = self.encoders[modality]
            spans = {}
            if hasattr(encoder, "spans"):
                shape = self.model.features[modality].token_shape
                spans = encoder.spans(n_steps, shape)
            wrong = {name: len(s) for name, s in spans.items() if len(s) != n_tokens}
            if wrong:
                raise ValueError(
                    f"modality {modality!r}: {type(encoder).__name__}.spans must give "
                    f"lists of {n_tokens}, as many as it makes tokens of {n_steps} "
                    f"steps, found the lengths {wrong}"
                )
            self.known[modality, n_steps] = spans
        return self.known[modality, n_steps]
