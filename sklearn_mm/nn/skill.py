"""How much modalities tell: each alone, and all together."""

import torch
from torch import nn

DECAY = 0.95  # of the running means over the batches of training rows


class Skill(nn.Module):
    """Shares of the prior's loss that are saved: by each modality's head, and by all.

    Measured on rows that are not trained on, where there are any: a head that knows its
    training rows by heart saves there what its modality does not tell. Else a running
    mean over the batches of training rows, of the modalities alone.

    Parameters
    ----------
    n_modalities : int
        That have a head of their own.
    """

    def __init__(self, n_modalities):
        super().__init__()
        self.register_buffer("alone", torch.zeros(n_modalities), persistent=False)
        self.register_buffer("together", torch.zeros(()), persistent=False)
        self.forget()

    def forget(self):
        """Drop the losses that were added up."""
        self.added = []

    def follow(self, own, prior):
        """Take a batch of training rows into the running means.

        Parameters
        ----------
        own, prior : Tensor of shape (n_modalities, batch)
            Losses of the modalities' own heads and of the prior; both are 0 in rows
            without the modality.
        """
        own, prior = own.detach().sum(dim=1), prior.sum(dim=1)
        saved = _saved(own, prior)
        moved = DECAY * self.alone + (1 - DECAY) * saved
        self.alone = torch.where(prior > 0, moved, self.alone)

    def add(self, own, prior, fused, whole_prior):
        """Add the losses of a batch of held-out rows to those of its epoch.

        Parameters
        ----------
        own, prior : Tensor of shape (n_modalities, batch)
            As in :meth:`follow`.
        fused, whole_prior : Tensor of shape (batch,)
            Losses of what all modalities tell, and of the prior in the same rows.
        """
        parts = (own, prior, fused[None], whole_prior[None])
        self.added.append([part.detach().sum(dim=1) for part in parts])

    def settle(self):
        """Take the losses that were added up for what is known from now on."""
        if not self.added:
            return
        own, prior, fused, whole = (
            torch.stack(part).sum(dim=0) for part in zip(*self.added, strict=True)
        )
        self.alone = torch.where(prior > 0, _saved(own, prior), self.alone)
        self.together = _saved(fused, whole)[0]
        self.forget()


def _saved(losses, of_prior):
    return 1 - losses / of_prior.where(of_prior > 0, 1.0)
