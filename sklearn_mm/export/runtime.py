"""OnnxModel: an exported network, run without torch."""

from functools import partial
from pathlib import Path

import numpy as np
from scipy.special import log_expit, log_softmax
from sklearn.utils import InputTags, Tags, TargetTags
from sklearn.utils.metaestimators import available_if

from sklearn_mm.estimators.inputs import check_features, refuse_missing
from sklearn_mm.estimators.modality import Modality
from sklearn_mm.estimators.padding import prediction_order
from sklearn_mm.export.checks import import_extra, read_graph
from sklearn_mm.export.metadata import KEY, from_json
from sklearn_mm.export.signature import graph_inputs, output_names
from sklearn_mm.persistence.errors import ModelFileError

# Of inputs, as onnxruntime calls them.
_DTYPES = {
    "tensor(float)": "float32",
    "tensor(double)": "float64",
    "tensor(int64)": "int64",
}


def _is_classifier(model):
    if model.metadata.task == "regression":
        raise AttributeError("the model is a regressor: use predict")
    return True


class OnnxModel:
    """A model that ``export_onnx`` has written, run by onnxruntime.

    It predicts as the fitted estimator does, takes the same features, and needs neither
    torch nor skorch. No code of the file is run, so it may come from strangers, who can
    let it take time and memory and predict what they want.

    Parameters
    ----------
    path : str or Path
        The file; ``~`` is the home folder.
    n_threads : int, default=1
        That compute a batch. Several threads of yours may predict at once.
    batch_size : int, default=64
        Rows that are computed together.

    Attributes
    ----------
    metadata : Metadata
        Task, modalities and how they enter the graph, version.
    classes_ : ndarray of shape (n_classes,)
        Of a classifier.

    Raises
    ------
    ModelFileError
        If the file is not what ``export_onnx`` has written, or damaged.
    ImportError
        If onnx or onnxruntime is not installed.

    See Also
    --------
    export_onnx : Writes it.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> import sklearn_mm
    >>> from sklearn_mm.export import OnnxModel
    >>> X = np.random.default_rng(0).normal(size=(30, 2))
    >>> model = sklearn_mm.AttentionFusionRegressor(width=16, max_epochs=2)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = f"{folder}/model.onnx"
    ...     _ = sklearn_mm.export_onnx(model.fit(X, X[:, 0]), path)
    ...     exported = OnnxModel(path)
    >>> bool(np.allclose(exported.predict(X), model.predict(X), atol=1e-4))
    True
    >>> exported.attention_weights(X[:2]).values.tolist()
    [[1.0], [1.0]]
    """

    def __init__(self, path, *, n_threads=1, batch_size=64):
        if n_threads < 1 or batch_size < 1:
            raise ValueError(
                "n_threads and batch_size must be at least 1, found "
                f"{n_threads!r} and {batch_size!r}"
            )
        self.path = Path(path).expanduser()
        self.n_threads, self.batch_size = n_threads, batch_size
        what = f"{str(self.path)!r}"
        content, properties = read_graph(self.path)
        if KEY not in properties:
            raise ModelFileError(
                f"{what} is an ONNX graph, but not of export_onnx: the metadata "
                f"{KEY!r} is not there"
            )
        self.metadata = from_json(properties[KEY], what)
        self._session = _open_session(content, what, n_threads)
        _check_names(self._session, self.metadata, what)
        # What features are checked against, as an estimator has it.
        self.missing = self.metadata.missing
        self.modalities_in_ = {
            modality.name: Modality(
                modality.kind,
                modality.token_shape,
                modality.vocabulary_size,
                mean=None
                if modality.kind == "tokens"
                else np.empty(0, dtype=modality.dtype),
            )
            for modality in self.metadata.modalities
        }
        self.n_features_in_ = self.metadata.n_features_in
        if self.metadata.feature_names_in is not None:
            names = np.array(self.metadata.feature_names_in, dtype=object)
            self.feature_names_in_ = names
        if self.metadata.classes is not None:
            self.classes_ = self.metadata.classes

    def predict(self, X):
        """Predict the label, or the value, of each row.

        Parameters
        ----------
        X : MultimodalFeatures, or {array, sparse matrix, table}
            As the estimator's ``predict`` takes it. A modality that X lacks counts as
            missing in every row.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_outputs)
            As the estimator's ``predict`` gives it.
        """
        if self.metadata.task == "regression":
            values = self._run(X, "values")
            return values if self.metadata.target_shape else values[:, 0]
        scores = self._run(X, "scores")
        if self.metadata.task == "multilabel":
            return (scores > 0).astype(np.int64)
        return self.classes_[scores.argmax(axis=1)]

    @available_if(_is_classifier)
    def predict_proba(self, X):
        """Predict the probability of each class.

        Parameters
        ----------
        X : as in predict
            A row with no modality at all gets the classes' shares in training.

        Returns
        -------
        ndarray of shape (n_samples, n_classes), float32
            Rows sum to one; if multilabel, each label has its own probability.
        """
        return self._run(X, "probabilities")

    @available_if(_is_classifier)
    def predict_log_proba(self, X):
        """Predict the logarithm of the probability of each class.

        Parameters
        ----------
        X : as in predict
            A row with no modality at all gets the classes' shares in training.

        Returns
        -------
        ndarray of shape (n_samples, n_classes), float32
            Finite also where the probability itself is too small for its type.
        """
        scores = self._run(X, "scores")
        if self.metadata.task == "multilabel":
            return log_expit(scores)
        return log_softmax(scores, axis=1)

    def attention_weights(self, X):
        """Weigh the modalities of each row, as the head sees them.

        Parameters
        ----------
        X : as in predict
            A modality that a row lacks has the weight of its absent token.

        Returns
        -------
        DataFrame of shape (n_samples, n_modalities)
            As :func:`sklearn_mm.inspection.attention_weights` gives it.
        """
        import pandas as pd

        index = getattr(X, "index", None)
        return pd.DataFrame(
            self._run(X, "attention_weights"),
            columns=list(self.modalities_in_),
            index=index if isinstance(index, pd.Index) else None,
        )

    def _run(self, X, output):
        """Compute one of the outputs for all rows, batch by batch."""
        features = check_features(self, X, reset=False)
        if self.missing == "error":
            refuse_missing(features)
        rows = prediction_order(features)
        computed = None
        for start in range(0, len(rows), self.batch_size):
            batch = rows[start : start + self.batch_size]
            inputs = graph_inputs(self.metadata, features, batch)
            (found,) = self._session.run([output], inputs)
            if computed is None:
                computed = np.empty((len(features), *found.shape[1:]), found.dtype)
            computed[batch] = found
        wrong = ~np.isfinite(computed).all(axis=1)
        if wrong.any():
            raise ValueError(
                f"the graph gives no finite number for row {wrong.argmax()}, and "
                f"{wrong.sum()} of {len(wrong)} in all: its weights are too large. Fit "
                "the model again with a lower learning_rate, and export it."
            )
        return computed

    def __sklearn_tags__(self):
        is_regressor = self.metadata.task == "regression"
        return Tags(
            estimator_type="regressor" if is_regressor else "classifier",
            target_tags=TargetTags(required=True),
            input_tags=InputTags(allow_nan=True, sparse=True),
        )

    def __reduce__(self):
        return partial(
            OnnxModel, n_threads=self.n_threads, batch_size=self.batch_size
        ), (self.path,)

    def __repr__(self):
        kinds = ", ".join(f"{m.name}={m.kind}" for m in self.metadata.modalities)
        return f"OnnxModel({self.metadata.estimator}: {kinds})"


def _open_session(content, what, n_threads):
    runtime = import_extra("onnxruntime")
    options = runtime.SessionOptions()
    options.intra_op_num_threads = n_threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 4  # errors are raised
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        return runtime.InferenceSession(
            content, options, providers=["CPUExecutionProvider"]
        )
    except Exception as error:  # classes of its own
        raise ModelFileError(f"{what} cannot be run: {error}") from error


def _check_names(session, metadata, what):
    """Refuse a graph whose inputs and outputs are not what its metadata say."""
    found = {
        each.name: _DTYPES.get(each.type, each.type) for each in session.get_inputs()
    }
    expected = {modality.values: modality.dtype for modality in metadata.modalities}
    expected |= {modality.lengths: "int64" for modality in metadata.modalities}
    outputs = [each.name for each in session.get_outputs()]
    if found != expected or outputs != output_names(metadata):
        raise ModelFileError(
            f"{what} has the inputs {found} and the outputs {outputs}, but its "
            f"metadata say {expected} and {output_names(metadata)}"
        )
