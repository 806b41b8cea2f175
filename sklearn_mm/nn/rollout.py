"""Which tokens the head sees, through the layers in which tokens read each other.

Attention rollout (Abnar & Zuidema 2020, "Quantifying Attention Flow in Transformers"):
what a layer makes of a token counts half as the token itself, which its shortcut lets
through, and half as what it read, by the weights of attention, a mean of the heads. So
the weights of the read-out are carried back, layer by layer, to the tokens as they were
encoded. What a layer read from learned tokens, which no row has, is left out.
"""

import torch

from sklearn_mm.nn.fusion import (
    N_BOTTLENECKS,
    AttentionFusion,
    BottleneckFusion,
    CrossFusion,
)


def roll_out(fusion, encoded):
    """Weigh the tokens that go into a fusion.

    Parameters
    ----------
    fusion : Module
        One of :data:`sklearn_mm.nn.fusion.FUSIONS`. Where tokens of several modalities
        do not read each other, these are the weights of the read-out.
    encoded : list of (Tensor, Tensor)
        Of each modality the tokens (batch, steps, width) and their mask (batch, steps).

    Returns
    -------
    list of Tensor of shape (batch, steps)
        Of each modality; over all modalities, a row's weights sum to one.
    """
    seen = []
    _, weights = fusion(encoded, seen)
    if isinstance(fusion, AttentionFusion):
        weights = _through_all(weights, seen)
    elif isinstance(fusion, CrossFusion):
        weights = _through_others(weights, _by_layer(seen, len(encoded)))
    elif isinstance(fusion, BottleneckFusion):
        weights = _through_bottleneck(weights, _by_layer(seen, len(encoded)))
    totals = torch.stack([part.sum(dim=1) for part in weights]).sum(dim=0)
    return [part / totals[:, None] for part in weights]


def _carried_back(weights, attention):
    """Give what weights (batch, steps) of tokens a layer made mean for what it read."""
    return 0.5 * (weights[:, None, :] @ attention).squeeze(1)


def _by_layer(seen, n_modalities):
    return [seen[i : i + n_modalities] for i in range(0, len(seen), n_modalities)]


def _through_all(weights, seen):
    sizes = [part.shape[1] for part in weights]
    weights = torch.cat(weights, dim=1)
    for attention in reversed(seen):
        weights = 0.5 * weights + _carried_back(weights, attention)
    return weights.split(sizes, dim=1)


def _through_others(weights, seen):
    sizes = [part.shape[1] for part in weights]
    for layer in reversed(seen):
        before = [0.5 * part for part in weights]
        for index, (part, attention) in enumerate(zip(weights, layer, strict=True)):
            others = [other for other in range(len(sizes)) if other != index]
            read = _carried_back(part, attention)
            # The first token is learned.
            _, *shares = read.split([1, *(sizes[other] for other in others)], dim=1)
            for other, share in zip(others, shares, strict=True):
                before[other] = before[other] + share
        weights = before
    return weights


def _through_bottleneck(weights, seen):
    shared = weights[0].new_zeros(len(weights[0]), N_BOTTLENECKS)
    for layer in reversed(seen):
        # What the modalities wrote into the shared tokens was averaged.
        written, shared = shared / len(layer), torch.zeros_like(shared)
        before = []
        for part, attention in zip(weights, layer, strict=True):
            made = torch.cat([written, part], dim=1)
            made = 0.5 * made + _carried_back(made, attention)
            shared = shared + made[:, :N_BOTTLENECKS]
            before.append(made[:, N_BOTTLENECKS:])
        weights = before
    return weights
