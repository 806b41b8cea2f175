"""What NumPy's functions make of blocks and features.

They read the flat view, but for ``np.hstack`` and ``np.concatenate(..., axis=1)``, by
which ``ColumnTransformer`` and ``FeatureUnion`` put what their transformers gave side
by side: there the sequences, of which the flat view knows nothing, are kept.
"""

import warnings

import numpy as np


class FlatView:
    """Base of blocks and features: functions of NumPy read their flat view."""

    def __array_function__(self, func, types, args, kwargs):
        by_column = func is np.hstack and not kwargs
        by_column |= func is np.concatenate and kwargs == {"axis": 1}
        if by_column and len(args) == 1:
            from sklearn_mm.features import MultimodalFeatures

            return MultimodalFeatures(_name_parts(args[0]))
        if func in (np.shape, np.ndim):  # without a flat view, which may be large
            return self.shape if func is np.shape else self.ndim
        return func(*_flatten(args), **_flatten(kwargs))

    def __mul__(self, other):
        """Multiply the flat view, as ``transformer_weights`` of a FeatureUnion asks."""
        warnings.warn(
            "features times a number are numbers: sequences, images and texts are "
            "lost. Before an estimator of sklearn_mm leave transformer_weights out; it "
            "brings every modality to one scale by itself.",
            UserWarning,
            stacklevel=2,
        )
        return np.asarray(self) * np.asarray(other)

    __rmul__ = __mul__


def _name_parts(parts):
    """List (name, block) of what stands side by side: by its name, else its kind."""
    from sklearn_mm.blocks import FeatureBlock

    named, taken = [], set()
    for part in parts:
        if hasattr(part, "blocks"):
            pairs = part.blocks.items()
        else:
            is_block = isinstance(part, FeatureBlock)
            block = part if is_block else FeatureBlock.from_vectors(np.asarray(part))
            pairs = [(block.kind, block)]
        for base, block in pairs:
            name, number = base, 1
            while name in taken:
                number += 1
                name = f"{base}{number}"
            taken.add(name)
            named.append((name, block))
    return named


def _flatten(value):
    """Replace features by their flat view, also in lists, tuples and dicts."""
    if isinstance(value, FlatView):
        return np.asarray(value)
    if isinstance(value, dict):
        return {key: _flatten(each) for key, each in value.items()}
    if type(value) in (list, tuple):
        return type(value)(map(_flatten, value))
    return value
