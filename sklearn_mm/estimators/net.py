"""skorch's net in the terms of this package: losses of rows, precision, Ctrl-C."""

import warnings

import torch
from skorch import NeuralNet
from skorch.callbacks import EarlyStopping

from sklearn_mm._forks import will_compute
from sklearn_mm.estimators.checkpoints.callback import checkpoint_of
from sklearn_mm.estimators.divergence import Diverged
from sklearn_mm.estimators.interrupts import is_part_of_many_fits
from sklearn_mm.estimators.slim import Portable


class Interrupted(Exception):
    """Ctrl-C that leaves nothing to keep; skorch would swallow the original."""


class FusionNet(Portable, NeuralNet):
    """skorch's net with a loss for each row, weighted, and one for each modality.

    Parameters
    ----------
    *args, **kwargs
        As in skorch's ``NeuralNet``.
    auxiliary_weight : float, default=0.0
        Of the mean loss of the modalities' own heads beside the loss of the fusion.
    precision : {"float32", "bfloat16"}, default="float32"
        In which matrices are multiplied.
    """

    def __init__(self, *args, auxiliary_weight=0.0, precision="float32", **kwargs):
        super().__init__(*args, **kwargs)
        self.auxiliary_weight = auxiliary_weight
        self.precision = precision

    def _set_training(self, training=True):
        """Set the mode of all layers, unless they are in it: to look costs less."""
        for name in (*self._modules, *self._criteria):
            module = getattr(self, f"{name}_")
            if not isinstance(module, torch.nn.Module) or any(
                layer.training is not training for layer in module.modules()
            ):
                module.train(training)

    def get_iterator(self, dataset, training=False):
        """Cut batches, for a GPU into memory that it can fetch them from."""
        iterator = super().get_iterator(dataset, training=training)
        iterator.pins = torch.device(self.device).type == "cuda"
        return iterator

    def infer(self, x, **fit_params):
        """Run the network, in mixed precision if that was asked for."""
        will_compute()
        x = to_device_soon(x, self.device)
        if self.precision == "float32":
            return super().infer(x, **fit_params)
        with torch.autocast(torch.device(self.device).type, torch.bfloat16):
            outputs = super().infer(x, **fit_params)
        return _in_float32(outputs)

    def fit_loop(self, *args, **kwargs):
        """Train what is left to train, and say so if Ctrl-C ends it."""
        checkpoint = checkpoint_of(self)
        if checkpoint is not None:
            kwargs["epochs"] = checkpoint.n_left(self)
        try:
            return super().fit_loop(*args, **kwargs)
        except Diverged:
            return self  # what becomes of it is settled after the training
        except KeyboardInterrupt:
            # Early stopping raises it, too, ours and the user's.
            if any(map(_has_stopped, dict(self.callbacks_).values())):
                return self
            # The last entry of the history is the epoch that was cut short, if it was.
            is_cut = bool(self.history) and "dur" not in self.history[-1]
            n_whole = len(self.history) - is_cut
            if n_whole < 1 or is_part_of_many_fits():
                raise Interrupted from None
            made = "before it and a part of it" if is_cut else "up to its end"
            more = "" if checkpoint is None else ". Fit again to go on from there"
            if checkpoint is not None:
                checkpoint.checkpoint.was_cut = True
            warnings.warn(
                f"interrupted in epoch {n_whole + is_cut}: the model is what the "
                f"epochs {made} made{more}",
                UserWarning,
                stacklevel=2,
            )
            return self

    def run_single_epoch(self, iterator, training, prefix, step_fn, **fit_params):
        """Run over all batches, but those of a process that was killed."""
        checkpoint, n_before = checkpoint_of(self), 0
        if training and checkpoint is not None:
            iterator, n_before = checkpoint.rest_of(iterator, self.device)
        super().run_single_epoch(iterator, training, prefix, step_fn, **fit_params)
        if n_before:
            self.history[-1][f"{prefix}_batch_count"] += n_before

    def validation_step(self, batch, **fit_params):
        """Validate, and judge the heads of single modalities on the same rows."""
        for member in self.module_.members:
            member.judges_heads = True
        try:
            step = super().validation_step(batch, **fit_params)
        finally:
            for member in self.module_.members:
                member.judges_heads = False
        step["y_pred"] = _fused_outputs(step["y_pred"])
        return step

    def get_loss(self, y_pred, y_true, X=None, training=False):
        """Average the rows' losses times their weights.

        In training also over the members, which learn each by itself; in validation
        the loss is that of their mean.
        """
        y_true = to_device_soon(y_true, self.device)
        if not isinstance(y_pred, list):
            return self._member_loss(self.module_, y_pred, y_true, training)
        members = zip(self.module_.members, y_pred, strict=True)
        losses = [self._member_loss(*each, y_true, training) for each in members]
        if training:
            return torch.stack(losses).mean()
        return self._weighted_loss(_fused_outputs(y_pred), y_true).mean()

    def _weighted_loss(self, outputs, y_true):
        target, weight = y_true
        return self.criterion_(outputs, target) * weight

    def _member_loss(self, network, y_pred, y_true, training):
        """Give the loss of one network; it notes what each modality tells."""
        if not isinstance(y_pred, tuple):
            return self._weighted_loss(y_pred, y_true).mean()
        target, weight = y_true
        outputs, own_outputs, present = y_pred
        fused = self._weighted_loss(outputs, y_true)
        prior = network.prior.expand_as(outputs)
        of_prior = self.criterion_(prior, target) * weight
        own = torch.stack([self.criterion_(own, target) for own in own_outputs])
        own = own * weight * present
        skill = network.skill
        if not training:
            skill.add(own, of_prior * present, fused, of_prior)
            return fused.mean()
        if self.train_split is None:
            skill.follow(own, of_prior * present)
        return fused.mean() + self.auxiliary_weight * own.mean(dim=1).mean()


def _fused_outputs(outputs):
    """Take what the fusion gives, without the heads; of several members the mean."""
    if isinstance(outputs, list):
        return torch.stack([_fused_outputs(part) for part in outputs]).mean(dim=0)
    return outputs[0] if isinstance(outputs, tuple) else outputs


def _in_float32(outputs):
    """Cast all but masks."""
    if isinstance(outputs, (list, tuple)):
        return type(outputs)(map(_in_float32, outputs))
    return outputs if outputs.dtype == torch.bool else outputs.float()


def to_device_soon(batch, device):
    """Send the tensors of a batch to a device, without waiting for pinned ones.

    Parameters
    ----------
    batch : Tensor, or nested tuple, list or dict of them
        Wherever.
    device : str or torch.device
        Where to.

    Returns
    -------
    As ``batch``
    """
    if isinstance(batch, dict):
        return {name: to_device_soon(part, device) for name, part in batch.items()}
    if isinstance(batch, list | tuple):
        return tuple(to_device_soon(part, device) for part in batch)
    return batch.to(device, non_blocking=True)


def _has_stopped(callback):
    """Tell whether a callback is early stopping that has run out of patience."""
    is_stopping = isinstance(callback, EarlyStopping)
    return is_stopping and getattr(callback, "misses_", None) == callback.patience
