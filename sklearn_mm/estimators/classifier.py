"""AttentionFusionClassifier."""

from functools import partial

import numpy as np
from scipy import sparse
from scipy.special import expit, log_expit, log_softmax, logit, softmax
from sklearn.base import ClassifierMixin
from sklearn.utils import column_or_1d, compute_class_weight
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import check_classification_targets, type_of_target
from sklearn.utils.validation import check_is_fitted

from sklearn_mm._compat import _check_y
from sklearn_mm.estimators.base import BaseAttentionFusion
from sklearn_mm.estimators.calibration import (
    learn_temperatures,
    see_under_patterns,
    temperature_of_rows,
)
from sklearn_mm.estimators.targets import as_labels

CALIBRATIONS = (None, "temperature")


def _trains_on_all_rows(classifier):
    """Tell whether there is a partial_fit: it leaves no rows for calibration."""
    if classifier.calibration is None:
        return True
    raise AttributeError(
        "partial_fit trains on all rows that it is given and has none left for "
        f"calibration={classifier.calibration!r}. Set calibration=None, or use fit."
    )


class AttentionFusionClassifier(ClassifierMixin, BaseAttentionFusion):
    """Classifier over images, texts, sounds, series and numbers, fused by attention.

    Each modality is encoded into tokens (by default images by a convolutional network,
    token ids by a recurrent network with attention, sequences by convolutions and
    self-attention, vectors by a perceptron). All tokens of a row, and one learned
    token for each modality that the row lacks, then read each other by self-attention;
    a query that is made of what each modality asks for weighs them by softmax
    dot-product attention (Vaswani et al. 2017), and a dense head classifies their
    weighted sum. All of it is trained together, by skorch.

    Parameters
    ----------
    encoders : list of (str, encoder spec or callable), or dict, default=None
        For a modality by its name, how it is encoded: a spec, as in
        ``[("text", RNNEncoder(cell="gru"))]``, or any callable that takes ``(modality,
        *, width, n_heads, dropout)`` and gives a ``torch.nn.Module``, such as the class
        of one. The others have the default of their kind.
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
    n_estimators : int or "auto", default="auto"
        Networks that are trained side by side on the same batches, and whose outputs
        are averaged, before the softmax if there is one (Lakshminarayanan et al. 2017).
        "auto": two, and one with less than 1,000 rows or more than 8,000. Time and
        size are multiplied by it.
    width : int, default=64
        Size of a token.
    n_layers : int, default=1
        Layers of ``"attention"``, ``"bottleneck"`` and ``"cross"``.
    n_heads : int, default=4
        Heads of each; divides ``width``.
    dropout : float or "auto", default="auto"
        Share of values that are zeroed in training. "auto": .1, and .5 where fewer
        than 900 rows are trained on, which are soon known by heart.
    modality_dropout : float, default=0.3
        In training, probability that a modality of a row is hidden, so that rows
        without it can be predicted. The last one of a row never is. One half of the
        rows, drawn anew each time, is shown whole, and where no modality tells
        anything by itself, at first all are, for the sake of what only several tell.
    modality_noise : float, default=0.0
        Share of these hidden modalities, from 0 to 1, that are replaced by noise
        instead: by values from other rows, drawn for each feature by itself, and
        numbers also of other spread and level. So what makes no sense in prediction is
        recognised, and counts like what is missing (after Kim & Ghosh 2019). Lower it
        where no modality tells anything by itself.
    auxiliary_weight : float, default=1.0
        Weight of the loss of one more head for each modality, which sees that modality
        alone and is used in training only: so that a strong modality does not keep the
        others from being learned (Wang et al. 2020). A modality that tells nothing by
        itself is not taught by its head. 0 leaves the heads out.
    missing : {"token", "skip", "error"}, default="token"
        What an absent modality of a row is: one learned token, nothing at all, or an
        error, in ``fit`` and in prediction.
    max_epochs : int or "auto", default="auto"
        Passes over the training rows. "auto": so that there are about 1,300 steps,
        within 5 to 40 passes, and no more than hundreds of rows, but 10.
    batch_size : int or "auto", default="auto"
        Rows a training step. "auto": so that an epoch has about 32 steps, within 8 to
        128 rows.
    learning_rate : float, default=2e-3
        Of AdamW (Loshchilov & Hutter 2019), at its highest.
    schedule : {"cosine", "linear", "constant"}, default="cosine"
        How the learning rate falls to zero after the warm-up, or that it does not.
    warm_up : float, default=0.1
        Share of the steps over which the learning rate first rises.
    weight_decay : float, default=1e-2
        Of matrices; norms and biases have none.
    gradient_clipping : float or None, default=1.0
        Largest norm of the gradient of a step.
    averaging : {"ema"} or None, default=None
        "ema": the model is an exponential moving average of the weights along the
        training steps.
    class_weight : dict, "balanced" or None, default=None
        Of the classes in the loss, as in scikit-learn. Not for multilabel targets.
    calibration : {"temperature"} or None, default=None
        "temperature": probabilities are made honest by temperature scaling (Guo et al.
        2017), with a temperature for each pattern of present modalities. They are
        learned, after training, on the rows that early stopping validates on, or else
        on a ``validation_fraction`` of the rows that is held out for it. What is
        predicted does not change. Not for ``partial_fit``.
    early_stopping : bool or "auto", default="auto"
        Whether to hold rows out, to stop when the loss on them no longer falls, and to
        restore the best weights. "auto": with 1,000 rows or more. Not for
        ``partial_fit``.
    validation_fraction : float or "auto", default="auto"
        Share of the rows, or of the groups, to hold out for ``early_stopping`` and
        ``calibration``. "auto": a tenth; from 5,000 rows on, without calibration, 500
        rows, but at least a hundredth.
    validation_split : {"random", "last"}, default="random"
        Which rows are held out: random ones, or the last in the order of X, where that
        is an order in time. Of ``groups`` those that begin last. With "last" the linear
        model that training begins with is chosen in folds of neighbouring rows, too.
    n_iter_no_change : int or "auto", default="auto"
        Epochs without a lower loss, or a higher score, before it stops. "auto": half of
        ``max_epochs``, at least 10, since the loss falls once more when the learning
        rate does.
    scoring : str, callable or None, default="loss"
        What early stopping goes by on the rows held out: the loss; a score of
        scikit-learn by its name, such as "roc_auc"; a callable ``(estimator, X,
        y)`` whose higher values are better; or None, the accuracy.
        ``history_`` has it as ``valid_score``; for the loss, the accuracy is
        there.
    warm_start : bool, default=False
        Whether ``fit`` goes on from the weights of the last fit. Give it features of
        one fitted union: another one gives words other ids.
    checkpoint : str or Path, default=None
        A folder. The state of the training is kept there, so that ``fit`` of the same
        rows and parameters, after the process was killed, goes on from it and ends with
        the same weights. It is forgotten when ``fit`` ends. Other rows or parameters
        have their own file in it, so all fits of a search may share a folder. Not for
        ``partial_fit``.
    checkpoint_every : "epoch" or float, default="epoch"
        How often the state is kept: after each epoch, or after so many minutes, also
        within an epoch.
    precision : {"float32", "bfloat16"}, default="float32"
        In which matrices are multiplied: bfloat16 (mixed precision) is faster where the
        processor has it.
    device : str, default="auto"
        Where torch computes. "auto": on a GPU where there is one.
    n_threads : int or "auto", default="auto"
        Of the processor, with which torch computes in training and in prediction;
        afterwards it has those again that it had. "auto": those that torch has,
        ``torch.get_num_threads()``; in training one where the batches are too small to
        share; in the workers of ``n_jobs`` one.
    callbacks : list of skorch callbacks, default=None
        More of them. Copies are used; ``net_.callbacks_`` has these. An
        ``LRScheduler`` takes the place of ``schedule`` and ``warm_up``. What scores
        sees predictions and targets as this estimator has them.
    net_params : dict, default=None
        More arguments of ``skorch.NeuralNet``; they win over ours. The loss of a
        ``criterion`` is taken row by row and averaged; a ``train_split`` chooses the
        rows to validate on, also for ``early_stopping``. What cannot work is an error.
    random_state : int, RandomState instance or None, default=None
        Of the initial weights, the order of batches and all dropout.
    verbose : int, default=0
        1 shows a bar of the epochs with their losses, on stderr, and beside the score
        on the rows held out that of the linear model it began with; 2 prints skorch's
        table of the epochs.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Labels, sorted; if multilabel, the numbers of the columns of y.
    multilabel_ : bool
        Whether y was an indicator matrix.
    prior_ : ndarray of shape (n_classes,)
        What the network gives for a row with no modality: the log shares of the
        classes, or log odds of the labels.
    temperatures_ : dict of tuple of str to float
        By the names of the modalities that a row has, what its scores are divided by;
        multilabel, those of all labels. Empty without ``calibration``.
    shared_temperature_ : float
        Of the patterns that are not among these, and what the others shrink to; 1
        without ``calibration``.
    n_iter_ : int
        Epochs trained.
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
        n_estimators="auto",
        width=64,
        n_layers=1,
        n_heads=4,
        dropout="auto",
        modality_dropout=0.3,
        modality_noise=0.0,
        auxiliary_weight=1.0,
        missing="token",
        max_epochs="auto",
        batch_size="auto",
        learning_rate=2e-3,
        schedule="cosine",
        warm_up=0.1,
        weight_decay=1e-2,
        gradient_clipping=1.0,
        averaging=None,
        class_weight=None,
        calibration=None,
        early_stopping="auto",
        validation_fraction="auto",
        validation_split="random",
        n_iter_no_change="auto",
        scoring="loss",
        warm_start=False,
        checkpoint=None,
        checkpoint_every="epoch",
        precision="float32",
        device="auto",
        n_threads="auto",
        callbacks=None,
        net_params=None,
        random_state=None,
        verbose=0,
    ):
        self.encoders = encoders
        self.fusion = fusion
        self.n_estimators = n_estimators
        self.width = width
        self.n_layers = n_layers
        self.n_heads = n_heads
        self.dropout = dropout
        self.modality_dropout = modality_dropout
        self.modality_noise = modality_noise
        self.auxiliary_weight = auxiliary_weight
        self.missing = missing
        self.max_epochs = max_epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.schedule = schedule
        self.warm_up = warm_up
        self.weight_decay = weight_decay
        self.gradient_clipping = gradient_clipping
        self.averaging = averaging
        self.class_weight = class_weight
        self.calibration = calibration
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.validation_split = validation_split
        self.n_iter_no_change = n_iter_no_change
        self.scoring = scoring
        self.warm_start = warm_start
        self.checkpoint = checkpoint
        self.checkpoint_every = checkpoint_every
        self.precision = precision
        self.device = device
        self.n_threads = n_threads
        self.callbacks = callbacks
        self.net_params = net_params
        self.random_state = random_state
        self.verbose = verbose

    @available_if(_trains_on_all_rows)
    def partial_fit(self, X, y, classes=None, sample_weight=None):
        """Train one epoch on some rows.

        The first call builds the network and measures the statistics of its inputs;
        the learning rate is constant.

        After ``fit`` the optimizer begins anew; from call to call, and in a pickle
        between two, it goes on.

        Parameters
        ----------
        X : as in fit
            Rows.
        y : as in fit
            Targets of the rows.
        classes : array-like of shape (n_classes,), default=None
            All labels that will ever come; needed in the first call, unless the target
            is multilabel.
        sample_weight : array-like of shape (n_samples,), default=None
            Of each row in the loss.

        Returns
        -------
        self

        Raises
        ------
        AttributeError
            With ``calibration``, which needs rows that are not trained on.
        ValueError
            With ``class_weight="balanced"``, which needs all rows at once.
        """
        if isinstance(self.class_weight, str) and self.class_weight == "balanced":
            raise ValueError(
                "class_weight='balanced' needs all rows at once, and partial_fit sees "
                "some. Pass a weight for each class, {label: weight}."
            )

        def learn_target(y, weight):
            if classes is None and y.ndim == 1:
                raise ValueError(
                    "classes must be passed in the first call of partial_fit: all "
                    "labels that will ever come"
                )
            self._learn_target(y, weight, classes=classes)

        return self._partial_fit(X, y, sample_weight, learn_target)

    def predict(self, X):
        """Predict the label of each row.

        Parameters
        ----------
        X : as in fit
            A modality that X lacks counts as missing in every row.

        Returns
        -------
        ndarray of shape (n_samples,), or (n_samples, n_labels) of 0 and 1 if multilabel
        """
        outputs = self._predict_outputs(X)
        if self.multilabel_:
            return (outputs > 0).astype(np.int64)
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
            Rows sum to one; if multilabel, each label has its own probability.
        """
        scores = self._calibrated_scores(X)
        return expit(scores) if self.multilabel_ else softmax(scores, axis=1)

    def predict_log_proba(self, X):
        """Predict the logarithm of the probability of each class.

        Parameters
        ----------
        X : as in fit
            A row with no modality at all gets the classes' shares in training.

        Returns
        -------
        ndarray of shape (n_samples, n_classes), float32
            Finite also where the probability itself is too small for its type.
        """
        scores = self._calibrated_scores(X)
        return log_expit(scores) if self.multilabel_ else log_softmax(scores, axis=1)

    def decision_function(self, X):
        """Give each class's score, the logarithm of its unnormalised probability.

        Parameters
        ----------
        X : as in fit
            A modality that X lacks counts as missing in every row.

        Returns
        -------
        ndarray of shape (n_samples, n_classes), or (n_samples,) for two classes
            For two, the log odds of ``classes_[1]``; if multilabel, those of each
            label. Calibrated, if that was asked for.
        """
        scores = self._calibrated_scores(X)
        if self.multilabel_ or len(self.classes_) > 2:
            return scores
        return scores[:, 1] - scores[:, 0]

    def _calibrated_scores(self, X):
        """Divide what the network gives for each row by the row's temperature."""
        check_is_fitted(self)
        features = self._check_features(X, reset=False)
        scores = self._forward(features)
        if not self.temperatures_:
            return scores
        return scores / temperature_of_rows(
            features, self.temperatures_, self.shared_temperature_
        )

    @property
    def _learns_from_held_out(self):
        return self.calibration is not None

    def _learn_from_held_out(self, held):
        """Learn the temperatures on the held-out rows, seen under every pattern."""
        self.temperatures_, self.shared_temperature_ = {}, 1.0
        if self.calibration is None:
            return
        # With missing="error" no row is ever seen without one of its modalities.
        views = see_under_patterns(
            held, self._forward_rows, complete_only=self.missing == "error"
        )
        if views:  # else no held-out row has any modality
            self.shared_temperature_, self.temperatures_ = learn_temperatures(
                views, held.target.numpy(), held.weight.numpy().astype(np.float64)
            )

    def _check_fit_parameters(self):
        super()._check_fit_parameters()
        if self.calibration not in CALIBRATIONS:
            raise ValueError(
                f"calibration must be one of {CALIBRATIONS}, found {self.calibration!r}"
            )

    _same_if_warm = ("classes_", "multilabel_")
    _kept_if_warm = ()

    def _check_target(self, y):
        """Read y: labels (n_samples,), or an indicator matrix (n_samples, n_labels)."""
        y = as_labels(_check_y(y, multi_output=True, estimator=self))
        check_classification_targets(y)
        if type_of_target(y) == "multilabel-indicator":
            if self.class_weight is not None:
                raise ValueError(
                    "class_weight is not for multilabel targets. Use sample_weight."
                )
            return (y.toarray() if sparse.issparse(y) else y).astype(np.int64)
        return column_or_1d(y, warn=True)

    def _target_numbers(self, y):
        """Give each label its number among them, whatever it is called."""
        return y if y.ndim == 2 else np.unique(y, return_inverse=True)[1]

    def _strata(self, y):
        return y if y.ndim == 1 else None

    def _learn_target(self, y, weight, classes=None):
        """Learn the classes and their shares."""
        weight = np.ones(len(y)) if weight is None else weight
        self.multilabel_ = y.ndim == 2
        if self.multilabel_:
            self.classes_ = np.arange(y.shape[1])
            # One row of each kind more, so that no log odds are infinite.
            shares = (weight @ y + 0.5) / (weight.sum() + 1)
            self.prior_ = logit(shares)
            return
        self.classes_ = np.unique(y if classes is None else classes)
        if len(self.classes_) < 2:
            raise ValueError(
                f"{type(self).__name__} needs rows of at least two classes, found 1 "
                f"class: {self.classes_[0]}"
            )
        encoded = self._class_numbers(y)
        counts = np.bincount(encoded, weight, minlength=len(self.classes_))
        # Classes that have not come yet, in partial_fit, are unlikely, not impossible.
        counts = np.maximum(counts, 1e-3)
        self.prior_ = np.log(counts / counts.sum())
        self._balance = counts.sum() / (len(counts) * counts)

    def _encode_target(self, y, weight):
        """Give class numbers, or an indicator in float32, and loss weights."""
        if self.multilabel_:
            return y.astype(np.float32), weight
        encoded = self._class_numbers(y)
        if self.class_weight is not None:
            by_row = self._weights_of_classes()[encoded]
            weight = by_row if weight is None else weight * by_row
            weight = weight / weight.mean()
        return encoded, weight

    def _weights_of_classes(self):
        """Weigh each class, ``"balanced"`` by the sample weights of the fit."""
        if isinstance(self.class_weight, str) and self.class_weight == "balanced":
            return self._balance
        return compute_class_weight(
            self.class_weight, classes=self.classes_, y=self.classes_
        )

    def _class_numbers(self, y):
        unknown = np.setdiff1d(y, self.classes_)
        if len(unknown):
            raise ValueError(
                f"y has the labels {list(unknown)}, which are not among the classes "
                f"{list(self.classes_)}"
            )
        return np.searchsorted(self.classes_, y)

    def _criterion(self):
        """Return the loss of each row, as a callable that skorch initialises."""
        from sklearn_mm.nn import losses

        return losses.Multilabel if self.multilabel_ else losses.Multiclass

    def _linear_model(self):
        """Return what fits the linear model that the network begins with."""
        from sklearn_mm.estimators import linear

        fit = linear.fit_labels if self.multilabel_ else linear.fit_classes
        return partial(fit, prior=self.prior_)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags
