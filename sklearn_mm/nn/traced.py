"""The network in a form that can be traced: what is computed depends on no value.

Training and prediction encode only the rows, and of these only the images, that are
there. A graph has to take them as they come: here all are encoded, and what is not
there is replaced or masked. The numbers are equal.
"""

import copy

import torch
from torch import nn

from sklearn_mm.nn.attention import length_mask
from sklearn_mm.nn.encoders import BagEncoder, ConvolutionalImageEncoder


class TracedNetwork(nn.Module):
    """A copy of a trained network that takes tensors one after the other.

    Parameters
    ----------
    network : FusionNetwork or FusionMembers
        Is left as it is.
    """

    def __init__(self, network):
        super().__init__()
        network = copy.deepcopy(getattr(network, "_orig_mod", network))  # if compiled
        self.members = nn.ModuleList(network.cpu().eval().requires_grad_(False).members)
        for member in self.members:
            for index, encoder in enumerate(member.encoders):
                if isinstance(encoder, BagEncoder):
                    member.encoders[index] = PaddedBag(encoder)
                elif isinstance(encoder, ConvolutionalImageEncoder):
                    member.encoders[index] = AllImages(encoder)

    def forward(self, *inputs):
        """Predict for a batch.

        Parameters
        ----------
        *inputs : Tensor
            Of each modality the values (batch, steps, *token_shape), of one step or
            more, and the lengths (batch,), of which 0 means missing.

        Returns
        -------
        outputs : Tensor of shape (batch, n_outputs)
        weights : Tensor of shape (batch, n_modalities)
            Of the read-out. Both are means of the members.
        present : Tensor of shape (n_modalities, batch), bool
            Whether the row has the modality.
        """
        values, lengths = inputs[::2], inputs[1::2]
        present = torch.stack(lengths) > 0
        evidence = present.any(dim=0)
        by_member = []
        for member in self.members:
            encoded = [
                _encode(member, index, of, length, ~evidence)
                for index, (of, length) in enumerate(zip(values, lengths, strict=True))
            ]
            outputs, weights = member.decide_and_attend(encoded, evidence)
            summed = torch.stack([weight.sum(dim=1) for weight in weights], dim=1)
            by_member.append((outputs, summed))
        outputs, weights = (
            torch.stack(parts).mean(dim=0) for parts in zip(*by_member, strict=True)
        )
        return outputs, weights, present


def _encode(network, index, values, lengths, nothing):
    """Encode all rows; those without the modality get its absent token instead."""
    present = lengths > 0
    tokens, n_tokens = network._encode_present(index, values, lengths.clamp(min=1))
    absent = network._without_votes(index, network.absent_tokens[index])
    tokens = torch.where(present[:, None, None], tokens, absent)
    is_skipped = network.missing == "skip"
    shown = nothing.long() if is_skipped else torch.ones_like(lengths)
    n_tokens = torch.where(present, n_tokens, shown)
    tokens = tokens + network._without_votes(index, network.modality_codes[index])
    return tokens, length_mask(n_tokens, tokens.shape[1])


class PaddedBag(nn.Module):
    """A bag of n-grams that has room for the longest, however short the rows are."""

    def __init__(self, encoder):
        super().__init__()
        self.encoder = encoder

    def forward(self, values, lengths):
        """Encode ids (batch, steps) as (batch, 1, width)."""
        room = max(self.encoder.ngrams) - 1
        return self.encoder(nn.functional.pad(values, (0, room)), lengths)


class AllImages(nn.Module):
    """An encoder of images that encodes those of the padding, too."""

    def __init__(self, encoder):
        super().__init__()
        self.encoder = encoder

    def forward(self, values, lengths):
        """Encode (batch, images, colours, height, width_in_pixels)."""
        maps = self.encoder.convolve(values.flatten(0, 1))
        tokens = self.encoder.project_cells(maps, values.shape[2])
        n_cells, width = tokens.shape[1:]
        return tokens.reshape(values.shape[0], -1, width), lengths * n_cells
