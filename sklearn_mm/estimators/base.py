"""What the attention fusion estimators share: fitting and prediction."""

import threading

import numpy as np
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_consistent_length, check_is_fitted

from sklearn_mm._state import unchanged_on_failure
from sklearn_mm.estimators.inputs import (
    as_fitted,
    check_features,
    check_weights,
    refuse_missing,
    split_rows,
    training_rows,
)
from sklearn_mm.estimators.modality import describe_modality
from sklearn_mm.estimators.named_encoders import NamedEncoders
from sklearn_mm.estimators.padding import prediction_order
from sklearn_mm.estimators.parameters import check_parameters
from sklearn_mm.estimators.targets import refuse_missing_target
from sklearn_mm.estimators.voting import choose_voting

# With fewer, each is needed for training, and few epochs keep them from being known by
# heart.
EARLY_STOPPING_MIN_ROWS = 1_000
# Of many rows, and of few, which are soon known by heart.
DROPOUT, DROPOUT_OF_FEW_ROWS = 0.1, 0.5
FEW_ROWS = 900  # trained on, beside those held out of 1,000
# Below, a second member costs what few rows should not; above, it brings little.
SEVERAL_MEMBERS = 1_000, 20_000
# Rows that tell when to stop, and the least and largest share of all that they are.
STOPPING_ROWS = 500
SMALLEST_HELD_OUT, LARGEST_HELD_OUT = 0.01, 0.1

# All threads draw from torch's one random state, so one network trains at a time.
_TRAINS = threading.RLock()


class BaseAttentionFusion(NamedEncoders):
    """Fit and predict with one attention network over all modalities.

    A subclass has the parameters, reads the target (``_check_target``), learns from it
    and encodes it (``_learn_target``, ``_encode_target``), names the loss
    (``_criterion``) and the linear model to begin with (``_linear_model``), and turns
    what the network gives into predictions. It may learn more from held-out rows, once
    the network is trained (``_learns_from_held_out``, ``_learn_from_held_out``).
    """

    def fit(self, X, y, sample_weight=None, groups=None):
        """Train the network.

        Interrupted by Ctrl-C after its first epoch, it keeps the best epoch if it stops
        early, else the last state, and warns; before that, or if it fails, a model
        fitted earlier stays as it was. Where a search, a cross-validation or an
        ensemble calls ``fit``, Ctrl-C ends all of it.

        Where loss or weights become NaN or infinite, it stops, keeps the last epoch
        that was sound, or the best, and warns.

        Parameters
        ----------
        X : MultimodalFeatures, or {array, sparse matrix, table} of n_samples
            What a :class:`MultimodalFeatureUnion` gives. A 2-D array is one modality
            of vectors, in which NaN is a missing number.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Target.
        sample_weight : array-like of shape (n_samples,), default=None
            Of each row in the loss. Whole weights are the rows repeated, exactly,
            as long as they do not quadruple them.
        groups : array-like of shape (n_samples,), default=None
            Where rows are held out, those of one group are all held out or all
            trained on.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            Among others, if loss or weights are no numbers in the first epoch.
        """
        with unchanged_on_failure(self):
            self._check_fit_parameters()
            before = vars(self).copy() if self.warm_start else {}
            features, y, weight = self._check_rows(X, y, sample_weight, reset=True)
            rows, weight = training_rows(features, self._target_numbers(y), weight)
            if groups is not None:
                check_consistent_length(features, groups)
                groups = np.asarray(groups)[rows]
            stops_early = self._stops_early(rows, groups)
            is_split_by_user = "train_split" in (self.net_params or ())
            holds_out = self._learns_from_held_out or (
                stops_early and not is_split_by_user
            )
            valid = np.zeros(len(rows), dtype=bool)
            seed = self._draw_seed()
            if holds_out:
                strata = self._strata(y[rows])
                fraction = self._resolve_validation_fraction(len(rows))
                valid = split_rows(rows, strata, groups, fraction, seed)
            self._describe(features, rows[~valid])
            self._learn_target(y[rows], weight)
            state = self._state_to_continue(before)
            train, held = self._dataset(features, rows, y, weight, ~valid), None
            if state is None:
                self._voting = self._choose_voting(len(train))
            self._dropout = self._resolve_dropout(len(train))
            if state is None or self.n_estimators != "auto":
                self._n_estimators = self._resolve_n_estimators(len(rows))
            if holds_out:
                held = self._dataset(features, rows, y, weight, valid)
            groups = None if groups is None else groups[~valid]
            self._train(train, held, seed, state, stops_early, groups)
            self._learn_from_held_out(held)
        return self

    def _partial_fit(self, X, y, sample_weight, learn_target):
        """Train one epoch more, on the statistics of the first call's rows."""
        with unchanged_on_failure(self):
            first = not self.__sklearn_is_fitted__()
            self._check_fit_parameters()
            features, y, weight = self._check_rows(X, y, sample_weight, reset=first)
            rows, weight = training_rows(features, self._target_numbers(y), weight)
            if first:
                self._describe(features, rows)
                learn_target(y[rows], weight)
                self._dropout = self._resolve_dropout(len(rows))
                self._n_estimators = self._resolve_n_estimators(len(rows))
                self._voting = []  # some rows are not enough for a linear model
            train = self._dataset(features, rows, y, weight, slice(None))
            net = None if first else self.net_
            self._train(train, None, self._draw_seed(), None, n_epochs=1, net=net)
            self._learn_from_held_out(None)
        return self

    @property
    def _learns_from_held_out(self):
        """Whether rows are held out whatever ``early_stopping`` is."""
        return False

    def _learn_from_held_out(self, held):
        """Learn what the trained network needs besides, from a FusionDataset."""

    def _check_rows(self, X, y, sample_weight, *, reset):
        """Check features, target and weights against each other."""
        if y is None:
            raise ValueError(
                f"{type(self).__name__} requires y to be passed, but the target y is "
                "None."
            )
        features = self._check_features(X, reset=reset)
        check_consistent_length(features, y)
        refuse_missing_target(y)
        return (
            features,
            self._check_target(y),
            check_weights(sample_weight, len(features)),
        )

    def _check_features(self, X, *, reset):
        """Take X as features, without missing modalities if they are errors."""
        features = check_features(self, X, reset=reset)
        if self.missing == "error":
            refuse_missing(features)
        return features

    def _describe(self, features, rows):
        """Measure every modality over the training rows."""
        self.modalities_in_ = {
            name: describe_modality(block, rows)
            for name, block in features.blocks.items()
        }

    def _dataset(self, features, rows, y, weight, kept):
        """Cut some of the training rows out, with their encoded targets."""
        import torch

        from sklearn_mm.estimators.batches import FusionDataset

        weight = None if weight is None else weight[kept]
        target, weight = self._encode_target(y[rows[kept]], weight)
        if weight is not None:
            weight = torch.as_tensor(weight, dtype=torch.float32)
        return FusionDataset(features, rows[kept], torch.as_tensor(target), weight)

    def _train(
        self,
        train,
        held,
        seed,
        state,
        stops_early=False,
        groups=None,
        n_epochs=None,
        net=None,
    ):
        """Train a new network, or one that has been trained before."""
        # torch and skorch load with the first fit, not with the package.
        import torch

        from sklearn_mm.estimators import passthrough, training
        from sklearn_mm.estimators.linear import (
            begin_with_linear_model,
            weigh_against_linear_model,
        )
        from sklearn_mm.estimators.progress import show_linear_score

        net_params = passthrough.check_net_params(self.net_params)
        held = held if stops_early else None
        if "train_split" in net_params:
            split = net_params["train_split"]
            train, held = passthrough.split_by_user(self, split, train, groups)
            stops_early = self._stops_on(held, stops_early)
        # The caller's random state is as it was, whatever the network draws.
        with _TRAINS, torch.random.fork_rng():
            torch.manual_seed(seed)
            if net is None:
                batch_size, n_batches = passthrough.batch_plan(
                    net_params, self._resolve_batch_size(len(train)), len(train)
                )
                max_epochs = self._resolve_max_epochs(n_batches, len(train))
                net = training.make_net(
                    self._network_arguments(),
                    self._criterion(),
                    self,
                    batch_size=batch_size,
                    n_batches=n_batches,
                    max_epochs=net_params.get("max_epochs", max_epochs),
                    held=held,
                    stops_early=stops_early,
                    constant_rate=n_epochs is not None,
                )
                net.initialize()
                if state is None:
                    fit_linear = self._linear_model()
                    begin_with_linear_model(net.module_, train, fit_linear, seed)
                    show_linear_score(net, held)
            if state is not None:
                _load_state(net.module_, state)
            training.run(net, train, held, n_epochs)
            weigh_against_linear_model(net, held)
        self.net_ = net
        self.history_ = net.history_
        self.n_iter_ = len(net.history_)

    def _stops_on(self, held, stops_early):
        """Tell whether to stop early on the rows that the user's split holds out."""
        if held is None and self.early_stopping is True:
            raise ValueError(
                "early_stopping=True needs rows to validate on, and train_split of "
                "net_params holds none out. Leave train_split out."
            )
        return stops_early and held is not None

    def _network_arguments(self):
        return {
            "n_estimators": self._n_estimators,
            "voting": self._voting,
            "modalities": self.modalities_in_,
            "encoders": self._resolve_encoders(),
            "prior": self.prior_,
            "fusion": self.fusion,
            "missing": "skip" if self.missing == "skip" else "token",
            "width": self.width,
            "n_layers": self.n_layers,
            "n_heads": self.n_heads,
            "dropout": self._dropout,
            "modality_dropout": self.modality_dropout,
            "modality_noise": self.modality_noise,
            "auxiliary": self.auxiliary_weight > 0 and len(self.modalities_in_) > 1,
        }

    def _state_to_continue(self, before):
        """Return the weights that a warm start goes on from, None for a new start."""
        if "net_" not in before:
            return None
        for name in ("modalities_in_", *self._same_if_warm):
            if not _agree(before[name], vars(self)[name]):
                raise ValueError(
                    f"warm_start=True, but {name.lstrip('_')} differs from that of the "
                    "last fit. Set warm_start=False for other modalities or targets."
                )
        now = self.modalities_in_
        # The network knows inputs and target in the units of the first rows.
        kept = ("modalities_in_", "prior_", "_voting", "_n_estimators")
        for name in (*kept, *self._kept_if_warm):
            setattr(self, name, before[name])
        # A model that was pickled has no quantiles: any will do for the form of what
        # is built, before the weights of the last fit come in.
        self.modalities_in_ = {
            name: modality.with_quantiles(now[name].quantiles)
            for name, modality in self.modalities_in_.items()
        }
        return before["net_"].module_.state_dict()

    def _predict_outputs(self, X):
        """Run the network over X: ndarray of shape (n_samples, n_outputs), float32."""
        check_is_fitted(self)
        return self._forward(self._check_features(X, reset=False))

    def _forward(self, features):
        """Run the network over checked features."""
        rows = prediction_order(features)
        outputs = self._forward_rows(features, rows)
        wrong = ~np.isfinite(outputs).reshape(len(rows), -1).all(axis=1)
        if wrong.any():
            raise ValueError(
                f"the network gives no finite number for row {rows[wrong.argmax()]}, "
                f"and {wrong.sum()} of {len(rows)} in all: its weights are too large. "
                "Fit it again with a lower learning_rate."
            )
        in_order = np.empty((len(features), *outputs.shape[1:]), outputs.dtype)
        in_order[rows] = outputs
        return in_order

    def _forward_rows(self, features, rows, shown=None):
        """Run the network over some rows, of which it is shown some modalities."""
        from sklearn_mm.estimators.batches import FusionDataset
        from sklearn_mm.estimators.prediction import predict_batches

        if shown is not None:
            features = as_fitted(self, features.select(shown))
        return predict_batches(self.net_, FusionDataset(features, rows))

    def _encoded_batches(self, X):
        """Yield for each batch, in order, its tokens as they go into the fusion.

        What the network's ``encode`` gives: of each modality the tokens and their mask,
        and which modalities the rows have.
        """
        import torch
        from skorch.utils import to_device

        from sklearn_mm.estimators.batches import FusionDataset

        check_is_fitted(self)
        dataset = FusionDataset(self._check_features(X, reset=False))
        network = self.net_.module_.eval()
        for inputs, _ in self.net_.get_iterator(dataset, training=False):
            batch = to_device(inputs["batch"], self.net_.device)
            with torch.no_grad():
                encoded = network.encode(batch)
            yield encoded

    def _resolve_dropout(self, n_rows):
        """Choose the dropout for ``"auto"``: more where rows are few."""
        if self.dropout != "auto":
            return self.dropout
        return DROPOUT if n_rows >= FEW_ROWS else DROPOUT_OF_FEW_ROWS

    def _resolve_n_estimators(self, n_rows):
        """Choose for ``"auto"``: two, where there are neither few rows nor many."""
        if self.n_estimators != "auto":
            return self.n_estimators
        return 2 if SEVERAL_MEMBERS[0] <= n_rows <= SEVERAL_MEMBERS[1] else 1

    def _choose_voting(self, n_rows):
        """Name the modalities that a linear model reads: none where noise is met.

        A linear model cannot tell noise from what it knows, and would believe it.
        """
        meets_noise = self.modality_noise > 0 and self.modality_dropout > 0
        if meets_noise and len(self.modalities_in_) > 1:
            return []
        return choose_voting(self.modalities_in_, len(self.prior_), n_rows)

    def _resolve_batch_size(self, n_rows):
        """Choose about 32 batches an epoch, of 8 to 128 rows, for ``"auto"``."""
        if self.batch_size != "auto":
            return self.batch_size
        return int(np.clip(2 ** np.round(np.log2(max(1, n_rows) / 32)), 8, 128))

    def _resolve_max_epochs(self, n_batches, n_rows):
        """Choose about 1,300 steps, in 5 to 40 epochs, for ``"auto"``.

        Few rows are learned by heart sooner than they teach more: below 4,000 there
        are no more epochs than hundreds of rows, but 10.
        """
        if self.max_epochs != "auto":
            return self.max_epochs
        most = int(np.clip(n_rows // 100, 10, 40))
        return int(np.clip(round(1300 / n_batches), 5, most))

    def _stops_early(self, rows, groups):
        """Tell for ``"auto"`` whether there are rows, and groups, enough to hold out.

        A row that stands twice counts once, so that weights which are turned into rows
        repeated do not decide.
        """
        if self.early_stopping != "auto":
            return self.early_stopping
        if groups is not None and len(np.unique(groups)) < 2:
            return False
        return len(np.unique(rows)) >= EARLY_STOPPING_MIN_ROWS

    def _resolve_validation_fraction(self, n_rows):
        """Choose how much is held out for ``"auto"``: a tenth, and of many rows less.

        Some hundred rows tell when to stop; the others are better trained on.
        """
        if self.validation_fraction != "auto":
            return self.validation_fraction
        if self._learns_from_held_out:
            return LARGEST_HELD_OUT
        return float(
            np.clip(STOPPING_ROWS / n_rows, SMALLEST_HELD_OUT, LARGEST_HELD_OUT)
        )

    def _draw_seed(self):
        return check_random_state(self.random_state).randint(np.iinfo(np.int32).max)

    def _check_fit_parameters(self):
        check_parameters(self)
        self._check_encoders()

    def __sklearn_is_fitted__(self):
        return hasattr(self, "net_")

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.sparse = True
        tags.target_tags.required = True
        return tags


def _load_state(network, state):
    """Give a network the weights of an earlier one."""
    try:
        network.load_state_dict(state)
    except RuntimeError as error:
        raise ValueError(
            "warm_start=True, but the network is built otherwise than in the last fit. "
            "Set warm_start=False, or give its encoders, width and layers the values "
            f"they had: {error}"
        ) from error


def _agree(before, now):
    """Tell whether a network that was trained on one can go on with the other."""
    if isinstance(before, dict):
        return list(before) == list(now) and all(
            _agree(before[name], now[name]) for name in before
        )
    if isinstance(before, np.ndarray):
        return np.array_equal(before, now)
    return before == now
