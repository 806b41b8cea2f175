"""What the attention fusion estimators share: fitting and prediction."""

import threading
from contextlib import nullcontext

import numpy as np
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_consistent_length, check_is_fitted

from sklearn_mm._state import unchanged_on_failure
from sklearn_mm.estimators import automatic, validation
from sklearn_mm.estimators.checkpoints.session import Checkpoint, open_checkpoint
from sklearn_mm.estimators.inputs import (
    Rows,
    as_fitted,
    check_features,
    check_weights,
    refuse_missing,
    training_rows,
)
from sklearn_mm.estimators.modality import describe_modality
from sklearn_mm.estimators.named_encoders import NamedEncoders
from sklearn_mm.estimators.padding import prediction_order
from sklearn_mm.estimators.parameters import check_parameters
from sklearn_mm.estimators.targets import refuse_missing_target
from sklearn_mm.estimators.validation import last_rows, named, split_rows
from sklearn_mm.estimators.voting import choose_voting

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

    def fit(
        self,
        X,
        y,
        sample_weight=None,
        groups=None,
        *,
        X_val=None,
        y_val=None,
        sample_weight_val=None,
    ):
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
        X_val : as X, of n_val samples, default=None
            Rows of your own to validate on, for early stopping and calibration; then
            none are held out. Through a pipeline with ``transform_input=["X_val"]``.
        y_val : array-like of shape (n_val,) or (n_val, n_outputs), default=None
            Their target.
        sample_weight_val : array-like of shape (n_val,), default=None
            Of each of them in the loss and the score.

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
            validation.check_own_rows(self, X_val, y_val, sample_weight_val)
            given, own = self._training_rows(X, y, sample_weight, groups), None
            if X_val is not None:
                self._describe(given.features, given.numbers)
                own = self._own_rows(given, X_val, y_val, sample_weight_val)
            start = before["net_"].module_.state_dict() if "net_" in before else None
            parts = {"training rows": given, "validation rows": own}
            with open_checkpoint(self, parts, self._draw_seed(), start) as checkpoint:
                self._fit_rows(given, own, before, checkpoint)
                checkpoint.finish()
        return self

    def _training_rows(self, X, y, sample_weight, groups=None, *, reset=True):
        """Check features, target, weights and groups: Rows."""
        features, y, weight = self._check_rows(X, y, sample_weight, reset=reset)
        numbers, weight = training_rows(features, self._target_numbers(y), weight)
        if groups is not None:
            check_consistent_length(features, groups)
            groups = np.asarray(groups)[numbers]
        return Rows(features, numbers, y, weight, groups)

    def _own_rows(self, given, X_val, y_val, sample_weight_val):
        """Check rows of the user's to validate on against those to train on: Rows."""
        with named("X_val, y_val"):
            own = self._training_rows(X_val, y_val, sample_weight_val, reset=False)
            if own.y.shape[1:] != given.y.shape[1:]:
                raise ValueError(
                    f"y_val has shape {own.y.shape}, but y has {given.y.shape}"
                )
        return own

    def _fit_rows(self, given, own, before, checkpoint):
        """Learn from checked rows, of which some may be held out."""
        stops_early = automatic.choose_early_stopping(
            self.early_stopping, given.numbers, given.groups, is_given=own is not None
        )
        is_split_by_user = "train_split" in (self.net_params or ())
        holds_out = own is None and (
            self._learns_from_held_out or (stops_early and not is_split_by_user)
        )
        valid = np.zeros(len(given), dtype=bool)
        if holds_out:
            valid = self._hold_out(given, checkpoint.seed)
        if own is None:
            self._describe(given.features, given.numbers[~valid])
        self._learn_target(given.target, given.weight)
        state = self._state_to_continue(before)
        train, held = self._dataset(given, ~valid), None
        if state is None:
            self._voting = self._choose_voting(len(train))
        self._dropout = automatic.choose_dropout(self.dropout, len(train))
        if state is None or self.n_estimators != "auto":
            self._n_estimators = automatic.choose_n_estimators(
                self.n_estimators, len(given)
            )
        if holds_out:
            held = self._dataset(given, valid)
        elif own is not None:
            with named("X_val, y_val"):
                held = self._dataset(own, slice(None))
        groups = None if given.groups is None else given.groups[~valid]
        self._train(train, held, checkpoint, state, stops_early, groups)
        self._learn_from_held_out(held)

    def _hold_out(self, given, seed):
        """Choose the rows that are not trained on: ndarray of bool."""
        fraction = automatic.choose_validation_fraction(
            self.validation_fraction, len(given), calibrates=self._learns_from_held_out
        )
        if self.validation_split == "last":
            return last_rows(given.numbers, given.groups, fraction)
        strata = self._strata(given.target)
        return split_rows(given.numbers, strata, given.groups, fraction, seed)

    def _partial_fit(self, X, y, sample_weight, learn_target):
        """Train one epoch more, on the statistics of the first call's rows."""
        with unchanged_on_failure(self):
            first = not self.__sklearn_is_fitted__()
            self._check_fit_parameters()
            given = self._training_rows(X, y, sample_weight, reset=first)
            if first:
                self._describe(given.features, given.numbers)
                learn_target(given.target, given.weight)
                self._dropout = automatic.choose_dropout(self.dropout, len(given))
                self._n_estimators = automatic.choose_n_estimators(
                    self.n_estimators, len(given)
                )
                self._voting = []  # some rows are not enough for a linear model
            train = self._dataset(given, slice(None))
            net = None if first else self.net_
            begun = Checkpoint(None, None, self._draw_seed())
            self._train(train, None, begun, None, n_epochs=1, net=net)
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

    def _dataset(self, given, kept):
        """Cut some rows out, with their encoded targets."""
        import torch

        from sklearn_mm.estimators.batches import FusionDataset

        weight = None if given.weight is None else given.weight[kept]
        target, weight = self._encode_target(given.target[kept], weight)
        if weight is not None:
            weight = torch.as_tensor(weight, dtype=torch.float32)
        numbers = given.numbers[kept]
        return FusionDataset(given.features, numbers, torch.as_tensor(target), weight)

    def _train(
        self,
        train,
        held,
        checkpoint,
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
            torch.manual_seed(checkpoint.seed)
            if net is None:
                batch_size = automatic.choose_batch_size(self.batch_size, len(train))
                batch_size, n_batches = passthrough.batch_plan(
                    net_params, batch_size, len(train)
                )
                max_epochs = automatic.choose_max_epochs(
                    self.max_epochs, n_batches, len(train)
                )
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
                    checkpoint=checkpoint,
                )
                net.initialize()
                if state is None and checkpoint.found[0] is None:
                    fit, seed = self._linear_model(), checkpoint.seed
                    in_order = self.validation_split == "last"
                    begin_with_linear_model(net.module_, train, fit, seed, in_order)
                    show_linear_score(net, held)
            if state is not None:
                _load_state(net.module_, state)
            with self._threads(net, train):
                training.run(net, train, held, n_epochs)
                weigh_against_linear_model(net, held)
        self.net_ = net
        self.history_ = net.history_
        self.n_iter_ = len(net.history_)

    def _threads(self, net, train):
        """Let torch compute with the threads that suit, while a block runs."""
        import torch

        from sklearn_mm.estimators.threads import threads_for_training, use_threads

        if torch.device(net.device).type != "cpu":
            return nullcontext()
        return use_threads(threads_for_training(self.n_threads, net, train))

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
        dataset = FusionDataset(features, rows)
        return predict_batches(self.net_, dataset, self.n_threads)

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

    def _choose_voting(self, n_rows):
        """Name the modalities that a linear model reads: none where noise is met.

        A linear model cannot tell noise from what it knows, and would believe it.
        """
        meets_noise = self.modality_noise > 0 and self.modality_dropout > 0
        if meets_noise and len(self.modalities_in_) > 1:
            return []
        return choose_voting(self.modalities_in_, len(self.prior_), n_rows)

    def _draw_seed(self):
        return check_random_state(self.random_state).randint(np.iinfo(np.int32).max)

    def _check_fit_parameters(self):
        from sklearn_mm.estimators.scores import check_scorer

        check_parameters(self)
        check_scorer(self.scoring)
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
