"""Losses that keep one number a row, so that rows can be weighed."""

from torch import nn
from torch.nn import functional


class Multiclass(nn.Module):
    """Cross-entropy of class numbers."""

    def forward(self, outputs, target):
        """Compare (batch, n_classes) with (batch,): (batch,)."""
        return functional.cross_entropy(outputs, target, reduction="none")


class Multilabel(nn.Module):
    """Binary cross-entropy, averaged over the labels of a row."""

    def forward(self, outputs, target):
        """Compare (batch, n_labels) with (batch, n_labels): (batch,)."""
        losses = functional.binary_cross_entropy_with_logits(
            outputs, target, reduction="none"
        )
        return losses.mean(dim=1)


class SquaredError(nn.Module):
    """Squared error, averaged over the outputs of a row."""

    def forward(self, outputs, target):
        """Compare (batch, n_outputs) with (batch, n_outputs): (batch,)."""
        return (outputs - target).square().mean(dim=1)


class AbsoluteError(nn.Module):
    """Absolute error, averaged over the outputs of a row."""

    def forward(self, outputs, target):
        """Compare (batch, n_outputs) with (batch, n_outputs): (batch,)."""
        return (outputs - target).abs().mean(dim=1)


class Huber(nn.Module):
    """Squared error up to one deviation of the target, linear beyond (Huber 1964)."""

    def forward(self, outputs, target):
        """Compare (batch, n_outputs) with (batch, n_outputs): (batch,)."""
        return functional.huber_loss(outputs, target, reduction="none").mean(dim=1)


class Pinball(nn.Module):
    """Loss that the quantile minimises (Koenker & Bassett 1978)."""

    def __init__(self, quantile):
        super().__init__()
        self.quantile = quantile

    def forward(self, outputs, target):
        """Compare (batch, n_outputs) with (batch, n_outputs): (batch,)."""
        below = target - outputs
        losses = below.clamp(min=0) * self.quantile - below.clamp(max=0) * (
            1 - self.quantile
        )
        return losses.mean(dim=1)
