"""What the attention fusion estimators share: parameters, fitting, prediction."""

import numpy as np
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_consistent_length, check_is_fitted

from sklearn_mm._compat import _BaseComposition
from sklearn_mm._state import unchanged_on_failure
from sklearn_mm.estimators.inputs import check_features, check_weights, training_rows
from sklearn_mm.estimators.modality import describe_modality
from sklearn_mm.estimators.specs import default_encoder


class BaseAttentionFusion(_BaseComposition):
    """Fit and predict with one attention network over all modalities.

    A subclass encodes the target and names the loss (``_encode_target``), and turns
    what the network gives into predictions.
    """

    # Encoders are reached by the names of their modalities: classifier__text__cell.
    def get_params(self, deep=True):
        """Get parameters, those of the encoders included.

        Parameters
        ----------
        deep : bool, default=True
            Whether to include the encoders' own parameters.

        Returns
        -------
        dict
        """
        return self._get_params("encoders", deep=deep)

    def set_params(self, **params):
        """Set parameters, those of the encoders included.

        Parameters
        ----------
        **params : dict
            By name; ``<modality>__<parameter>`` for an encoder's.

        Returns
        -------
        self
        """
        self._set_params("encoders", **params)
        return self

    def fit(self, X, y, sample_weight=None):
        """Train the network.

        Parameters
        ----------
        X : MultimodalFeatures, or {array, sparse matrix, table} of n_samples
            What a :class:`MultimodalFeatureUnion` gives. A 2-D array is one modality
            of vectors, in which NaN is a missing number.
        y : array-like of shape (n_samples,)
            Target.
        sample_weight : array-like of shape (n_samples,), default=None
            Of each row in the loss. Whole weights are the rows repeated, exactly,
            as long as they do not quadruple them.

        Returns
        -------
        self
        """
        with unchanged_on_failure(self):
            self._check_parameters()
            if y is None:
                raise ValueError(
                    f"{type(self).__name__} requires y to be passed, but the target y "
                    "is None."
                )
            features = self._check_features(X, reset=True)
            check_consistent_length(features, y)
            weight = check_weights(sample_weight, len(features))
            target = self._check_target(y, features)
            rows, weight = training_rows(features, target, weight)
            self._fit_rows(features, rows, target[rows], weight)
        return self

    def _fit_rows(self, features, rows, target, weight):
        """Train on rows of the features, in an order that does not depend on X's."""
        # torch and skorch load with the first fit, not with the package.
        import torch

        from sklearn_mm.estimators import training
        from sklearn_mm.estimators.batches import FusionDataset

        self.modalities_in_ = {
            name: describe_modality(block, rows)
            for name, block in features.blocks.items()
        }
        encoded, prior, loss_weight = self._encode_target(target, weight)
        batch_size = self._resolve_batch_size(len(rows))
        net = training.make_net(
            {
                "modalities": self.modalities_in_,
                "encoders": self._resolve_encoders(),
                "prior": prior,
                "fusion": self.fusion,
                "missing": "skip" if self.missing == "skip" else "token",
                "width": self.width,
                "n_layers": self.n_layers,
                "n_heads": self.n_heads,
                "dropout": self.dropout,
                "modality_dropout": self.modality_dropout,
                "auxiliary": self.auxiliary_weight > 0 and len(features.names) > 1,
            },
            self._criterion(),
            n_rows=len(rows),
            max_epochs=self.max_epochs,
            batch_size=batch_size,
            learning_rate=self.learning_rate,
            weight_decay=self.weight_decay,
            auxiliary_weight=self.auxiliary_weight,
            device=training.resolve_device(self.device),
            verbose=self.verbose,
            callbacks=self.callbacks,
            net_params=self.net_params,
        )
        seed = check_random_state(self.random_state).randint(np.iinfo(np.int32).max)
        if loss_weight is not None:
            loss_weight = torch.as_tensor(loss_weight, dtype=torch.float32)
        dataset = FusionDataset(features, rows, torch.as_tensor(encoded), loss_weight)
        # The caller's random state is as it was, whatever the network draws.
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            net.fit(dataset, y=None)
        self.net_ = net
        self.history_ = net.history_

    def _predict_outputs(self, X):
        """Run the network over X: ndarray of shape (n_samples, n_outputs), float32."""
        from sklearn_mm.estimators.batches import FusionDataset

        check_is_fitted(self)
        dataset = FusionDataset(self._check_features(X, reset=False))
        batches = self.net_.forward_iter(dataset, training=False)
        return np.concatenate([outputs.cpu().numpy() for outputs in batches])

    def _attend(self, X):
        """Yield for each batch, in order, the read-out weights of each modality.

        A dict of str to ndarray of shape (batch, steps).
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
                weights = network.attend(batch)
            yield {name: weight.cpu().numpy() for name, weight in weights.items()}

    def _check_features(self, X, *, reset):
        """Take X as features, without missing modalities if they are errors."""
        features = check_features(self, X, reset=reset)
        if self.missing == "error":
            for name, block in features.blocks.items():
                if block.missing.any():
                    raise ValueError(
                        f"modality {name!r} is missing in row "
                        f"{int(block.missing.argmax())} and missing='error'. Use "
                        "missing='token' to predict rows without it."
                    )
        return features

    def _resolve_encoders(self):
        """Give every modality its encoder spec, the default where none is named."""
        named = dict(self.encoders or ())
        unknown = [name for name in named if name not in self.modalities_in_]
        if unknown:
            raise ValueError(
                f"encoders are named for {unknown}, but the modalities of X are "
                f"{list(self.modalities_in_)}"
            )
        return {
            name: named.get(name) or default_encoder(modality.kind)
            for name, modality in self.modalities_in_.items()
        }

    def _resolve_batch_size(self, n_rows):
        """Choose about 32 batches an epoch, of 16 to 128 rows, for ``"auto"``."""
        if self.batch_size != "auto":
            return self.batch_size
        return int(np.clip(2 ** np.round(np.log2(max(1, n_rows) / 32)), 16, 128))

    def _check_parameters(self):
        """Raise ValueError for parameters that cannot work."""
        for name, known in (
            ("fusion", ("attention", "bottleneck", "cross", "gated", "concat")),
            ("missing", ("token", "skip", "error")),
        ):
            if getattr(self, name) not in known:
                raise ValueError(
                    f"{name} must be one of {known}, found {getattr(self, name)!r}"
                )
        for name in ("width", "n_heads", "max_epochs"):
            if getattr(self, name) < 1:
                raise ValueError(
                    f"{name} must be at least 1, found {getattr(self, name)!r}"
                )
        if self.width % self.n_heads:
            raise ValueError(
                f"width must be a multiple of n_heads, found width={self.width} and "
                f"n_heads={self.n_heads}"
            )
        for name in ("dropout", "modality_dropout"):
            if not 0 <= getattr(self, name) < 1:
                raise ValueError(
                    f"{name} must be at least 0 and below 1, found "
                    f"{getattr(self, name)!r}"
                )
        if self.auxiliary_weight < 0:
            raise ValueError(
                f"auxiliary_weight must not be negative, found "
                f"{self.auxiliary_weight!r}"
            )
        if self.learning_rate <= 0:
            raise ValueError(
                f"learning_rate must be positive, found {self.learning_rate!r}"
            )
        if self.batch_size != "auto" and self.batch_size < 1:
            raise ValueError(
                f"batch_size must be 'auto' or at least 1, found {self.batch_size!r}"
            )
        if self.encoders is not None:
            names = [name for name, _ in self.encoders]
            self._validate_names(names)

    def __sklearn_is_fitted__(self):
        return hasattr(self, "net_")

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.sparse = True
        tags.target_tags.required = True
        return tags
