"""How the score of a model falls as the cells of one modality get worse."""

import os
import warnings
import zlib
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from scipy.integrate import trapezoid
from sklearn.metrics import check_scoring
from sklearn.pipeline import Pipeline
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_consistent_length, check_is_fitted

from sklearn_mm._compat import for_container
from sklearn_mm.compose import MultimodalFeatureUnion
from sklearn_mm.compose.steps import transform_step
from sklearn_mm.features import MultimodalFeatures
from sklearn_mm.inspection.corruptions import corrupt_column, default_corruptions
from sklearn_mm.inspection.kinds import (
    as_pandas,
    first_step,
    kind_of_cells,
    select_columns,
)
from sklearn_mm.inspection.outputs import found_model, own_scoring
from sklearn_mm.readers.images import list_images
from sklearn_mm.readers.locations import Places, is_url, resolve


def robustness_curve(
    estimator,
    X,
    y,
    *,
    corruptions=None,
    strengths=(0, 0.25, 0.5, 0.75, 1),
    scoring=None,
    random_state=None,
):
    """Score a fitted pipeline on cells that get worse, one modality at a time.

    The cells of X itself are corrupted, before any transformer sees them, as in
    MultiBench (Liang et al. 2021). Missing cells stay missing, and X is left as it is.
    What is random is drawn alike for every strength.

    Parameters
    ----------
    estimator : fitted Pipeline that begins with a MultimodalFeatureUnion
        The model.
    X : table of pandas, polars or pyarrow, or array of shape (n_samples, n_columns)
        The cells, best ones that were not trained on.
    y : array-like of shape (n_samples,) or (n_samples, n_outputs)
        Target.
    corruptions : dict, default=None
        For each modality that is to be corrupted, by its name, a list of corruptions:
        names among the :func:`default_corruptions` of its kind, or callables
        ``(cell, strength, rng) -> cell``, where ``rng`` is a
        :class:`numpy.random.Generator`; or a dict of such callables by name.
        None takes the default corruptions of every modality, and leaves out, with a
        warning, one that makes cells which the transformer refuses, such as noise that
        makes prices negative. The kind follows from
        the transformer: that of a column of numbers, or of another transformer than
        those of this package, is "table".
    strengths : sequence of float, default=(0, 0.25, 0.5, 0.75, 1)
        How strong, from 0 to 1.
    scoring : str, callable or None, default=None
        As in scikit-learn; None is the estimator's ``score``.
    random_state : int, RandomState or None, default=None
        Of what is random in the corruptions.

    Returns
    -------
    DataFrame
        With the columns ``modality``, ``corruption``, ``strength`` and ``score``.

    Raises
    ------
    TypeError
        If the estimator is no such pipeline.
    ValueError
        If a strength is not from 0 to 1, or a modality or corruption is unknown.

    See Also
    --------
    RobustnessDisplay : Draw it.
    relative_robustness : The area below each curve.
    effective_robustness : How much slower it falls than that of another model.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from sklearn_mm import MultimodalFeatureUnion
    >>> from sklearn_mm.datasets import make_multimodal_classification
    >>> from sklearn_mm.inspection import robustness_curve
    >>> X, y = make_multimodal_classification(
    ...     60, modalities=["numbers"], noise=0, random_state=0
    ... )
    >>> union = MultimodalFeatureUnion(
    ...     [("numbers", StandardScaler(), ["numbers_0", "numbers_1"])]
    ... )
    >>> model = make_pipeline(union, LogisticRegression()).fit(X, y)
    >>> curve = robustness_curve(
    ...     model, X, y, corruptions={"numbers": ["swapped"]}, strengths=[0, 1],
    ...     random_state=0,
    ... )
    >>> curve.round(1)
      modality corruption  strength  score
    0  numbers    swapped       0.0    1.0
    1  numbers    swapped       1.0    0.6
    """
    import pandas as pd

    union, model = _check_pipeline(estimator)
    table = as_pandas("robustness_curve", X)
    check_consistent_length(table, y)
    strengths = _check_strengths(strengths)
    chosen = choose_corruptions(union, table, corruptions)
    seed = check_random_state(random_state).randint(np.iinfo(np.int32).max)
    scorer = check_scoring(model, own_scoring(estimator, scoring))
    clean = union._transform_to_features(table)
    clean_score = scorer(model, for_container(union, clean), y)
    rows = []
    for name, of_modality in chosen.items():
        for label, corruption in of_modality.items():
            curve = []
            for strength in strengths:
                score = clean_score
                if strength:
                    rng = np.random.default_rng([seed, *_digest(name, label)])
                    try:
                        block = _corrupted_block(
                            union, name, label, table, corruption, strength, rng
                        )
                    except Exception as error:
                        if corruptions is not None:
                            raise
                        _warn_left_out(name, label, error)
                        break
                    features = MultimodalFeatures({**clean.blocks, name: block})
                    score = scorer(model, for_container(union, features), y)
                curve.append((name, label, strength, score))
            else:
                rows += curve
    return pd.DataFrame(rows, columns=["modality", "corruption", "strength", "score"])


def _warn_left_out(name, label, error):
    warnings.warn(
        f"the corruption {label!r} of modality {name!r} is left out, since its "
        f"transformer refuses such cells: {error}",
        UserWarning,
        stacklevel=3,
    )


def relative_robustness(curve):
    """Measure the area below each curve of scores over strengths.

    This is the relative robustness of MultiBench (Liang et al. 2021), without its
    scaling over the methods that are compared. With strengths from 0 to 1 it is the
    mean score.

    Parameters
    ----------
    curve : DataFrame
        What :func:`robustness_curve` gives.

    Returns
    -------
    Series
        By modality and corruption.

    Examples
    --------
    >>> import pandas as pd
    >>> from sklearn_mm.inspection import relative_robustness
    >>> curve = pd.DataFrame({
    ...     "modality": "image", "corruption": "noise",
    ...     "strength": [0, 0.5, 1], "score": [0.9, 0.8, 0.5],
    ... })
    >>> relative_robustness(curve).round(2)
    modality  corruption
    image     noise         0.75
    Name: relative_robustness, dtype: float64
    """
    areas = {
        key: trapezoid(scores.to_numpy(), scores.index.to_numpy())
        for key, scores in _curves(curve).items()
    }
    return _by_curve(areas, "relative_robustness")


def effective_robustness(curve, baseline):
    """Sum up how much higher a model stays than one that falls like the baseline.

    At strength s with the scores f(s) and b(s) of the baseline, the model would have
    ``b(s) + f(0) - b(0)`` if it fell as the baseline does from its own score on clean
    cells; the effective robustness of MultiBench (Liang et al. 2021, after Taori et al.
    2020) is the sum over the strengths of f(s) minus that, without its scaling over the
    methods that are compared. MultiBench's baseline is late fusion
    (``fusion="concat"``). Compare sums over the same strengths only.

    Parameters
    ----------
    curve, baseline : DataFrame
        What :func:`robustness_curve` gives for the model and for the baseline, with the
        same corruptions and strengths, 0 among them.

    Returns
    -------
    Series
        By modality and corruption. Positive where the model is more robust than the
        baseline.

    Raises
    ------
    ValueError
        If the corruptions or strengths of the two differ, or strength 0 is not there.

    Examples
    --------
    >>> import pandas as pd
    >>> from sklearn_mm.inspection import effective_robustness
    >>> curve = pd.DataFrame({
    ...     "modality": "image", "corruption": "noise",
    ...     "strength": [0, 0.5, 1], "score": [0.9, 0.8, 0.5],
    ... })
    >>> baseline = curve.assign(score=[0.8, 0.6, 0.3])
    >>> effective_robustness(curve, baseline).round(2)
    modality  corruption
    image     noise         0.2
    Name: effective_robustness, dtype: float64
    """
    own, other = _curves(curve), _curves(baseline)
    if list(own) != list(other):
        raise ValueError(
            "curve and baseline must be of the same corruptions: found "
            f"{list(own)} and {list(other)}"
        )
    sums = {}
    for key, scores in own.items():
        strengths = scores.index.to_list()
        if strengths != other[key].index.to_list() or 0 not in strengths:
            raise ValueError(
                f"curve and baseline need the same strengths, 0 among them: found for "
                f"{key} {strengths} and {other[key].index.to_list()}"
            )
        drop = scores - scores[0]
        sums[key] = (drop - (other[key] - other[key][0])).sum()
    return _by_curve(sums, "effective_robustness")


def choose_corruptions(union, table, corruptions):
    """Find the corruptions of each modality.

    Parameters
    ----------
    union : fitted MultimodalFeatureUnion
        Whose modalities they are.
    table : DataFrame
        The cells.
    corruptions : dict or None
        As in :func:`robustness_curve`.

    Returns
    -------
    dict of str to dict of str to callable
        By modality, in the order of the union, and by name.
    """
    plan = {}
    fitted = {name: rest for name, *rest in union.transformers_}
    unknown = [name for name in corruptions or () if name not in fitted]
    if unknown:
        raise ValueError(
            f"corruptions are given for {unknown}, but the modalities are "
            f"{list(fitted)}"
        )
    for name, (transformer, columns) in fitted.items():
        kind = kind_of_cells(transformer, table, columns)
        if corruptions is None:
            plan[name] = default_corruptions(kind)
        elif name in corruptions:
            plan[name] = _named(name, kind, corruptions[name])
    return plan


def _named(modality, kind, chosen):
    """Look up the corruptions that are given by name, and name the others."""
    if isinstance(chosen, Mapping):
        return dict(chosen)
    if isinstance(chosen, str) or callable(chosen):
        chosen = [chosen]
    known, named = default_corruptions(kind), {}
    for corruption in chosen:
        if callable(corruption):
            label = getattr(corruption, "__name__", type(corruption).__name__)
        elif corruption in known:
            label, corruption = corruption, known[corruption]
        else:
            raise ValueError(
                f"no corruption {corruption!r} for modality {modality!r}, whose kind "
                f"is {kind!r}; there are {list(known)}"
            )
        if label in named:
            raise ValueError(
                f"modality {modality!r} has two corruptions called {label!r}. Pass a "
                "dict of callables by name."
            )
        named[label] = corruption
    return named


def _corrupted_block(union, name, label, table, corruption, strength, rng):
    """Transform one modality of a table whose cells were corrupted."""
    fitted = {name: rest for name, *rest in union.transformers_}
    transformer, columns = fitted[name]
    try:
        worse = select_columns(table, columns).copy()
        for column in worse.columns:
            worse[column] = _located(worse[column], first_step(transformer))
            worse[column] = corrupt_column(worse[column], corruption, strength, rng)
        selected = worse[worse.columns[0]] if np.isscalar(columns) else worse
        # Without the union's cache: worse cells are not met again.
        context = replace(union._context(), cache=None, keeps_tables=False)
        return transform_step(name, transformer, selected, {}, context)
    except Exception as error:
        error.add_note(f"Cells were corrupted by {label!r} of strength {strength}.")
        raise


def _located(column, transformer):
    """Let cells say themselves where their files are, which corruptions do not know."""
    places = Places.of(transformer)
    separator = getattr(transformer, "separator", None)
    if places.root is None and not places.remote and separator is None:
        return column
    if places.root is not None and not is_url(str(places.root)):
        # Of a relative root, the path of a file would begin there once more.
        places = replace(places, root=os.path.abspath(places.root))
    cells = np.empty(len(column), dtype=object)
    for row, cell in enumerate(column):
        try:
            found = [resolve(each, places) for each in list_images(cell, separator)]
            cells[row] = found[0] if len(found) == 1 else found or None
        except (TypeError, ValueError):  # for the transformer to report
            cells[row] = cell
    return type(column)(cells, index=column.index, name=column.name)


def _digest(*names):
    return [zlib.crc32(name.encode()) for name in names]


def _check_pipeline(estimator):
    """Split a fitted pipeline into its union and the steps that take features."""
    estimator = found_model(estimator)
    if not isinstance(estimator, Pipeline) or len(estimator.steps) < 2:
        found = f"a {type(estimator).__name__}"
    elif not isinstance(estimator[0], MultimodalFeatureUnion):
        found = f"a Pipeline that begins with a {type(estimator[0]).__name__}"
    else:
        check_is_fitted(estimator)
        return estimator[0], estimator[1:]
    raise TypeError(
        "cells are corrupted before they are transformed, so the estimator must be a "
        f"Pipeline that begins with a MultimodalFeatureUnion, found {found}"
    )


def _check_strengths(strengths):
    strengths = [float(strength) for strength in strengths]
    if not strengths or not all(0 <= strength <= 1 for strength in strengths):
        raise ValueError(f"strengths must be from 0 to 1, found {strengths}")
    return sorted(set(strengths))


def _curves(curve):
    """Split into one Series of scores by strength for each corruption."""
    return {
        key: rows.set_index("strength")["score"].sort_index()
        for key, rows in curve.groupby(["modality", "corruption"], sort=False)
    }


def _by_curve(values, name):
    import pandas as pd

    index = pd.MultiIndex.from_tuples(values, names=["modality", "corruption"])
    return pd.Series(list(values.values()), index=index, name=name, dtype=float)
