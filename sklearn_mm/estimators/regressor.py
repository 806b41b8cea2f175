"""AttentionFusionRegressor."""

from functools import partial

import numpy as np
from sklearn.base import RegressorMixin

from sklearn_mm._compat import _check_y
from sklearn_mm.estimators.base import BaseAttentionFusion
from sklearn_mm.estimators.cells import refuse_dates
from sklearn_mm.estimators.modality import power_of_two

LOSSES = ("squared_error", "absolute_error", "huber", "quantile")


class AttentionFusionRegressor(RegressorMixin, BaseAttentionFusion):
    """Regressor over images, texts, sounds, series and numbers, fused by attention.

    The network is that of :class:`AttentionFusionClassifier`. The target is
    standardised inside, so its units do not matter.

    Parameters
    ----------
    encoders : list of (str, encoder spec or callable), or dict, default=None
        For a modality by its name, how it is encoded: a spec, as in
        ``[("text", RNNEncoder(cell="gru"))]``, or any callable that takes ``(modality,
        *, width, n_heads, dropout)`` and gives a ``torch.nn.Module``, such as the class
        of one. The others have the default of their kind.
    loss : {"squared_error", "absolute_error", "huber", "quantile"}, \
            default="squared_error"
        What is minimised, and so what is predicted: the mean, the median, something
        between them (the Huber loss, linear beyond one deviation of the target), or a
        quantile.
    quantile : float, default=0.5
        Which one, above 0 and below 1, for ``loss="quantile"``.
    fusion : {"attention", "bottleneck", "cross", "gated", "concat"}, \
            default="attention"
        How the modalities meet, as in :class:`AttentionFusionClassifier`.
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
        alone and is used in training only (Wang et al. 2020). A modality that tells
        nothing by itself is not taught by its head. 0 leaves the heads out.
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
    early_stopping : bool or "auto", default="auto"
        Whether to hold rows out, to stop when the loss on them no longer falls, and to
        restore the best weights. "auto": with 1,000 rows or more. Not for
        ``partial_fit``.
    validation_fraction : float or "auto", default="auto"
        Share of the rows, or of the groups, to hold out. "auto": a tenth; from 5,000
        rows on 500 rows, but at least a hundredth.
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
        scikit-learn by its name, such as "neg_mean_absolute_error"; a callable
        ``(estimator, X, y)`` whose higher values are better; or None, the R² score.
        ``history_`` has it as ``valid_score``; for the loss, R² is there.
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
    modalities_in_ : dict of str to Modality
        What was seen of each modality in fit.
    target_mean_, target_scale_ : ndarray of shape (n_outputs,)
        By which the target is standardised.
    prior_ : ndarray of shape (n_outputs,)
        What a row with no modality gets, standardised: mean, median or quantile.
    net_ : skorch.NeuralNet
        The trained network.
    history_ : skorch.history.History
        Losses and times of each epoch.
    n_iter_ : int
        Epochs trained.
    n_features_in_ : int
        Columns of X's flat view.
    feature_names_in_ : ndarray of str
        Where X is a table with names.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn_mm import AttentionFusionRegressor
    >>> X, y = load_diabetes(return_X_y=True)
    >>> regressor = AttentionFusionRegressor(max_epochs=15, random_state=0)
    >>> regressor.fit(X, y).score(X, y) > 0.4
    True
    """

    def __init__(
        self,
        encoders=None,
        *,
        loss="squared_error",
        quantile=0.5,
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
        self.loss = loss
        self.quantile = quantile
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

    def partial_fit(self, X, y, sample_weight=None):
        """Train one epoch on some rows.

        The first call builds the network and measures the statistics of its inputs and
        of the target; the learning rate is constant.

        After ``fit`` the optimizer begins anew; from call to call, and in a pickle
        between two, it goes on.

        Parameters
        ----------
        X : as in fit
            Rows.
        y : as in fit
            Targets of the rows.
        sample_weight : array-like of shape (n_samples,), default=None
            Of each row in the loss.

        Returns
        -------
        self
        """
        return self._partial_fit(X, y, sample_weight, self._learn_target)

    def predict(self, X):
        """Predict the target of each row.

        Parameters
        ----------
        X : as in fit
            A modality that X lacks counts as missing in every row.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_outputs), float64
            In the target's units, and of the shape that y had in fit.
        """
        outputs = self._predict_outputs(X)
        predicted = outputs * self.target_scale_ + self.target_mean_
        return predicted if self._target_shape else predicted[:, 0]

    _same_if_warm = ("_target_shape",)
    _kept_if_warm = ("target_mean_", "target_scale_")

    def _check_target(self, y):
        """Read y as float64: (n_samples,) or (n_samples, n_outputs)."""
        refuse_dates(type(self).__name__, y, "y")
        return _check_y(y, multi_output=True, y_numeric=True, estimator=self).astype(
            np.float64
        )

    def _target_numbers(self, y):
        return y + 0.0  # -0.0 becomes 0.0

    def _strata(self, y):
        return None

    def _learn_target(self, y, weight):
        """Learn the scale of each output, and what the loss alone would predict."""
        self._target_shape = y.shape[1:]
        y = y.reshape(len(y), -1)
        weight = np.ones(len(y)) if weight is None else weight
        self.target_mean_ = np.average(y, axis=0, weights=weight)
        unit = power_of_two(np.ptp(y, axis=0))
        distance = (y - self.target_mean_) / unit
        variance = np.average(distance**2, axis=0, weights=weight)
        self.target_scale_ = np.where(variance > 0, unit * np.sqrt(variance), 1.0)
        quantile = {"absolute_error": 0.5, "huber": 0.5, "quantile": self.quantile}
        if self.loss in quantile:
            prior = [_quantile(column, weight, quantile[self.loss]) for column in y.T]
            self.prior_ = (prior - self.target_mean_) / self.target_scale_
        else:
            self.prior_ = np.zeros_like(self.target_mean_)

    def _encode_target(self, y, weight):
        """Standardise the target."""
        y = y.reshape(len(y), -1)
        if y.shape[1] != len(self.target_mean_):
            raise ValueError(
                f"y has {y.shape[1]} outputs, but the first call had "
                f"{len(self.target_mean_)}"
            )
        return ((y - self.target_mean_) / self.target_scale_).astype(np.float32), weight

    def _criterion(self):
        """Return the loss of each row, as a callable that skorch initialises."""
        from sklearn_mm.nn import losses

        return {
            "squared_error": losses.SquaredError,
            "absolute_error": losses.AbsoluteError,
            "huber": losses.Huber,
            "quantile": partial(losses.Pinball, self.quantile),
        }[self.loss]

    def _linear_model(self):
        """Return what fits the linear model that the network begins with."""
        from sklearn_mm.estimators import linear

        quantile = {"absolute_error": 0.5, "quantile": self.quantile}.get(self.loss)
        return partial(linear.fit_numbers, quantile=quantile)

    def _check_fit_parameters(self):
        super()._check_fit_parameters()
        if self.loss not in LOSSES:
            raise ValueError(f"loss must be one of {LOSSES}, found {self.loss!r}")
        if not 0 < self.quantile < 1:
            raise ValueError(
                f"quantile must be above 0 and below 1, found {self.quantile!r}"
            )

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags


def _quantile(values, weight, quantile):
    """Take the value below which a share of the weight lies."""
    order = np.argsort(values)
    below = np.cumsum(weight[order])
    return values[order][np.searchsorted(below, quantile * below[-1])]
