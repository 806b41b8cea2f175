"""AttentionFusionClassifier."""

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.utils import column_or_1d, compute_class_weight
from sklearn.utils.multiclass import check_classification_targets

from sklearn_mm._compat import _check_y
from sklearn_mm.estimators.base import BaseAttentionFusion


class AttentionFusionClassifier(ClassifierMixin, BaseAttentionFusion):
    """Classifier over images, texts, sounds, series and numbers, fused by attention.

    Each modality is encoded into tokens (by default images by a convolutional network,
    token ids by a recurrent network with attention, sequences by convolutions and
    self-attention, vectors by a perceptron). All tokens of a row, and one learned
    token for each modality that the row lacks, then read each other by self-attention;
    one learned query weighs them by softmax dot-product attention (Vaswani et al.
    2017), and a dense head classifies their weighted sum. All of it is trained
    together, by skorch.

    Parameters
    ----------
    encoders : list of (str, encoder spec), default=None
        For a modality by its name, how it is encoded; as in
        ``[("text", RNNEncoder(cell="gru"))]``. The others have the default of their
        kind.
    fusion : {"attention", "bottleneck", "cross", "gated", "concat"}, \
            default="attention"
        How the modalities meet:

        - ``"attention"``: every token reads every other;
        - ``"bottleneck"``: through four shared tokens (Nagrani et al. 2021), for many
          or long modalities;
        - ``"cross"``: each modality's tokens query those of the others (Tsai et al.
          2019);
        - ``"gated"``: each modality is read out alone, a softmax gate weighs them
          (after Arevalo et al. 2017);
        - ``"concat"``: each is read out alone and the head sees them side by side;
          the baseline.
    width : int, default=64
        Size of a token.
    n_layers : int, default=1
        Layers of ``"attention"``, ``"bottleneck"`` and ``"cross"``.
    n_heads : int, default=4
        Heads of each; divides ``width``.
    dropout : float, default=0.1
        Share of values that are zeroed in training.
    modality_dropout : float, default=0.1
        In training, probability that a modality of a row is hidden, so that rows
        without it can be predicted. The last one of a row never is.
    auxiliary_weight : float, default=1.0
        Weight of the loss of one more head for each modality, which sees that modality
        alone and is used in training only: so that a strong modality does not keep the
        others from being learned (Wang et al. 2020). 0 leaves the heads out.
    missing : {"token", "skip", "error"}, default="token"
        What an absent modality of a row is: one learned token, nothing at all, or an
        error, in ``fit`` and in prediction.
    max_epochs : int, default=40
        Passes over the training rows.
    batch_size : int or "auto", default="auto"
        Rows a training step. "auto": so that an epoch has about 32 steps, within 16 to
        128 rows.
    learning_rate : float, default=2e-3
        Of AdamW (Loshchilov & Hutter 2019), after a linear warm-up over the first
        tenth of the steps and before a cosine decay to zero.
    weight_decay : float, default=1e-2
        Of matrices; norms and biases have none.
    class_weight : dict, "balanced" or None, default=None
        Of the classes in the loss, as in scikit-learn.
    device : str, default="auto"
        Where torch computes. "auto": on a GPU where there is one.
    callbacks : list of skorch callbacks, default=None
        More of them.
    net_params : dict, default=None
        More arguments of ``skorch.NeuralNet``; they win over ours.
    random_state : int, RandomState instance or None, default=None
        Of the initial weights, the order of batches and all dropout.
    verbose : int, default=0
        1 prints a line an epoch.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Labels, sorted.
    modalities_in_ : dict of str to Modality
        What was seen of each modality in fit.
    net_ : skorch.NeuralNet
        The trained network.
    history_ : skorch.history.History
        Losses and times of each epoch.
    n_features_in_ : int
        Columns of X's flat view.
    feature_names_in_ : ndarray of str
        Where X is a table with names.

    See Also
    --------
    MultimodalFeatureUnion : Turns a table of cells into this estimator's input.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn_mm import AttentionFusionClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> classifier = AttentionFusionClassifier(max_epochs=10, random_state=0)
    >>> classifier.fit(X, y).score(X, y) > 0.9
    True
    """

    def __init__(
        self,
        encoders=None,
        *,
        fusion="attention",
        width=64,
        n_layers=1,
        n_heads=4,
        dropout=0.1,
        modality_dropout=0.1,
        auxiliary_weight=1.0,
        missing="token",
        max_epochs=40,
        batch_size="auto",
        learning_rate=2e-3,
        weight_decay=1e-2,
        class_weight=None,
        device="auto",
        callbacks=None,
        net_params=None,
        random_state=None,
        verbose=0,
    ):
        self.encoders = encoders
        self.fusion = fusion
        self.width = width
        self.n_layers = n_layers
        self.n_heads = n_heads
        self.dropout = dropout
        self.modality_dropout = modality_dropout
        self.auxiliary_weight = auxiliary_weight
        self.missing = missing
        self.max_epochs = max_epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.class_weight = class_weight
        self.device = device
        self.callbacks = callbacks
        self.net_params = net_params
        self.random_state = random_state
        self.verbose = verbose

    def predict(self, X):
        """Predict the label of each row.

        Parameters
        ----------
        X : as in fit
            A modality that X lacks counts as missing in every row.

        Returns
        -------
        ndarray of shape (n_samples,)
        """
        outputs = self._predict_outputs(X)
        return self.classes_[outputs.argmax(axis=1)]

    def predict_proba(self, X):
        """Predict the probability of each class.

        Parameters
        ----------
        X : as in fit
            A row with no modality at all gets the classes' shares in training.

        Returns
        -------
        ndarray of shape (n_samples, n_classes), float32
        """
        outputs = self._predict_outputs(X)
        exponentials = np.exp(outputs - outputs.max(axis=1, keepdims=True))
        return exponentials / exponentials.sum(axis=1, keepdims=True)

    def decision_function(self, X):
        """Give each class's score, the logarithm of its unnormalised probability.

        Parameters
        ----------
        X : as in fit

        Returns
        -------
        ndarray of shape (n_samples, n_classes), or (n_samples,) for two classes
            For two, the log odds of ``classes_[1]``.
        """
        outputs = self._predict_outputs(X)
        return outputs[:, 1] - outputs[:, 0] if len(self.classes_) == 2 else outputs

    def _check_target(self, y, features):
        """Read y: ndarray of labels of shape (n_samples,)."""
        y = column_or_1d(_check_y(y, multi_output=True, estimator=self), warn=True)
        check_classification_targets(y)
        return y

    def _encode_target(self, target, weight):
        """Give class numbers, log shares of the classes, and loss weights."""
        self.classes_, encoded = np.unique(target, return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError(
                f"{type(self).__name__} needs rows of at least two classes, found 1 "
                f"class: {self.classes_[0]}"
            )
        weight = np.ones(len(target)) if weight is None else weight
        shares = np.bincount(encoded, weights=weight)
        prior = np.log(shares / shares.sum())
        if self.class_weight is not None:
            by_class = compute_class_weight(
                self.class_weight, classes=self.classes_, y=target
            )
            weight = weight * by_class[encoded]
            weight = weight / weight.mean()
        return encoded, prior, weight

    def _criterion(self):
        """Return the loss of each row, as a callable that skorch initialises."""
        from functools import partial

        from torch import nn

        return partial(nn.CrossEntropyLoss, reduction="none")
