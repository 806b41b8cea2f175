"""Several networks that learn from the same batches, and predict together."""

import torch
from torch import nn


class FusionMembers(nn.Module):
    """Networks that differ by what was drawn; their outputs are averaged.

    A deep ensemble (Lakshminarayanan et al. 2017, "Simple and Scalable Predictive
    Uncertainty Estimation using Deep Ensembles"). Each learns from its own loss: under
    the loss of their mean they would divide the work, and none would learn all of it
    (Gorishniy et al. 2025, "TabM").

    To whoever looks inside, they are one network: the tokens of all members stand
    behind each other, as if they were features of one token.

    Parameters
    ----------
    members : list of FusionNetwork
        Of the same modalities.
    """

    def __init__(self, members):
        super().__init__()
        self.members = nn.ModuleList(members)

    @property
    def names(self):
        """Names of the modalities."""
        return self.members[0].names

    @property
    def encoders(self):
        """Encoders of the first member; those of the others are alike."""
        return self.members[0].encoders

    @property
    def prior(self):
        """What a row without any modality gets."""
        return self.members[0].prior

    def forward(self, batch):
        """Predict for a batch, as :class:`FusionNetwork` does.

        Returns
        -------
        Tensor of shape (batch, n_outputs)
            The mean. In training and where heads are judged, a list: what each member
            gives.
        """
        outputs = [member(batch) for member in self.members]
        if self.training or self.members[0].judges_heads:
            return outputs
        return torch.stack(outputs).mean(dim=0)

    def named_votes(self):
        """Give (name, Votes) of each modality that has them, of the first member."""
        return self.members[0].named_votes()

    def begin_with(self, coefficients, intercepts):
        """Let each member predict at first what a linear model does."""
        for member in self.members:
            member.begin_with(coefficients, intercepts)

    def count_learned(self, share):
        """Let each member count so much of what it learned beyond its linear model."""
        for member in self.members:
            member.count_learned(share)

    def encode(self, batch):
        """Encode every modality: the tokens of all members side by side, and masks."""
        by_member = [member.encode(batch) for member in self.members]
        _, present = by_member[0]
        encoded = [
            (torch.cat([tokens for tokens, _ in parts], dim=-1), parts[0][1])
            for parts in zip(*(encoded for encoded, _ in by_member), strict=True)
        ]
        return encoded, present

    def decide(self, encoded, has_evidence):
        """Predict from the tokens of all modalities: (batch, n_outputs), the mean."""
        outputs = [
            member.decide(own, has_evidence)
            for member, own in zip(self.members, self._divided(encoded), strict=True)
        ]
        return torch.stack(outputs).mean(dim=0)

    def without_content(self, encoded):
        """Put the absent token of its modality in the place of every token."""
        by_member = [
            member.without_content(own)
            for member, own in zip(self.members, self._divided(encoded), strict=True)
        ]
        return [torch.cat(parts, dim=-1) for parts in zip(*by_member, strict=True)]

    def attend(self, encoded, *, method="read_out"):
        """Weigh every token as the heads see it, by the mean of the members."""
        by_member = [
            member.attend(own, method=method)
            for member, own in zip(self.members, self._divided(encoded), strict=True)
        ]
        return [
            torch.stack(parts).mean(dim=0) for parts in zip(*by_member, strict=True)
        ]

    def _divided(self, encoded):
        """Give each member its own tokens."""
        parts = [
            [(own, mask) for own in tokens.chunk(len(self.members), dim=-1)]
            for tokens, mask in encoded
        ]
        return list(zip(*parts, strict=True))
