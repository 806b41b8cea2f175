"""From the tokens of every modality to one vector a row.

Every fusion takes a list of ``(tokens, mask)``, one for each modality, of shapes
``(batch, steps, width)`` and ``(batch, steps)``; a row has a token somewhere. It gives
the fused vectors, and the read-out weights of the tokens of each modality, which over
all modalities sum to one in every row. To a list ``seen`` it adds, block by block, how
each token reads the others, from which :mod:`sklearn_mm.nn.rollout` sees further.
"""

import torch
from torch import nn
from torch.nn import functional

from sklearn_mm.nn.attention import (
    AttentionBlock,
    CrossAttentionBlock,
    ReadOut,
    masked_softmax,
)

# Tokens through which the modalities exchange what they know; Nagrani et al. use 4.
N_BOTTLENECKS = 4
N_QUERIES = 2
ALIKE = 1e-2  # of normalised tokens, whose length is the root of the width


class PooledModalities(nn.Module):
    """Read each modality out by itself."""

    def __init__(self, n_modalities, width):
        super().__init__()
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(n_modalities))
        self.read_outs = nn.ModuleList(ReadOut(width) for _ in range(n_modalities))

    def forward(self, encoded):
        """Give (batch, modalities, width) and the weights within each modality."""
        pooled, weights = [], []
        for norm, read_out, (tokens, mask) in zip(
            self.norms, self.read_outs, encoded, strict=True
        ):
            vector, within = read_out(norm(tokens), mask)
            pooled.append(vector)
            weights.append(within)
        return torch.stack(pooled, dim=1), weights


class AskingReadOut(nn.Module):
    """Softmax dot-product attention whose queries are what the modalities ask for.

    Each modality is summed up by a read-out of its own, as it was encoded, before it
    has read the others; and each query is a learned vector plus a linear map of each of
    these sums. So one modality can name what is to be looked for in another.

    There are two queries, whose sums of tokens the head sees side by side. At first it
    takes the one away from the other (:meth:`oppose`): a query turns towards what it
    asks for, or away from it, as the head happens to count what is found for a class or
    against it, and does not turn round any more. So one of the two begins right.

    Keys are the tokens themselves, less their mean over the row, at length one (after
    Henry et al. 2020, "Query-Key Normalization for Transformers"). With a matrix for
    keys, too, two matrices had to find each other: they agreed on one direction after
    the other, and confused things that differ in the rest. And what all tokens of a row
    share sets none of them apart.
    """

    def __init__(self, n_modalities, width):
        super().__init__()
        self.n_outputs = N_QUERIES * width
        self.norm = nn.LayerNorm(width)
        self.asking = PooledModalities(n_modalities, width)
        self.questions = nn.ModuleList(
            nn.Sequential(
                nn.LayerNorm(width), nn.Linear(width, N_QUERIES * width, bias=False)
            )
            for _ in range(n_modalities)
        )
        for _, linear in self.questions:
            nn.init.zeros_(linear.weight)  # at first, all tokens weigh alike
        self.query = nn.Parameter(torch.zeros(N_QUERIES * width))

    def oppose(self, linear):
        """Let a linear map of what is read count the second query against the first."""
        with torch.no_grad():
            first, second = linear.weight.chunk(N_QUERIES, dim=1)
            second.copy_(-first)

    def forward(self, tokens, encoded):
        """Sum all tokens by the weights of each query, and give their mean weights.

        Parameters
        ----------
        tokens : Tensor of shape (batch, steps, width)
            Of all modalities, one after the other, when they have read each other.
        encoded : list of (Tensor, Tensor)
            Tokens and mask of each modality before that.

        Returns
        -------
        fused : Tensor of shape (batch, 2 * width)
            The sums of the first query, then of the second.
        weights : tuple of Tensor of shape (batch, steps')
            Of each modality.
        """
        tokens = self.norm(tokens)
        masks = [mask for _, mask in encoded]
        mask = torch.cat(masks, dim=1)
        summaries, _ = self.asking(encoded)
        query = self.query + sum(
            ask(summary)
            for ask, summary in zip(
                self.questions, summaries.unbind(dim=1), strict=True
            )
        )
        shared = (tokens * mask[..., None]).sum(dim=1) / mask.sum(dim=1)[:, None]
        # Tokens that are alike differ from their mean by rounding: no direction.
        keys = functional.normalize(tokens - shared[:, None], dim=-1, eps=ALIKE)
        queries = query.unflatten(-1, (N_QUERIES, -1))  # (batch or 1, queries, width)
        weights = masked_softmax(queries @ keys.transpose(1, 2), mask[:, None])
        fused = (weights @ tokens).flatten(1)
        sizes = [mask.shape[1] for mask in masks]
        return fused, weights.mean(dim=1).split(sizes, dim=1)


class AttentionFusion(nn.Module):
    """Every token of every modality reads every other; cost: all tokens squared."""

    def __init__(self, n_modalities, *, width, n_layers, n_heads, dropout):
        super().__init__()
        self.layers = nn.ModuleList(
            AttentionBlock(width, n_heads, dropout) for _ in range(n_layers)
        )
        self.read_out = AskingReadOut(n_modalities, width)
        self.n_outputs = self.read_out.n_outputs

    def forward(self, encoded, seen=None):
        """Fuse a list of (tokens, mask)."""
        parts, masks = zip(*encoded, strict=True)
        tokens, mask = torch.cat(parts, dim=1), torch.cat(masks, dim=1)
        for layer in self.layers:
            if seen is not None:
                seen.append(layer.weights(tokens, mask))
            tokens = layer(tokens, mask)
        return self.read_out(tokens, encoded)


class BottleneckFusion(nn.Module):
    """Modalities exchange through a few shared tokens (Nagrani et al. 2021).

    In each layer every modality reads itself and the bottleneck tokens; what the
    modalities make of these is averaged. What one wrote, another reads in the next
    layer, so there is one layer more than ``n_layers``. Cost: the tokens of each
    modality squared, linear in the modalities.
    """

    def __init__(self, n_modalities, *, width, n_layers, n_heads, dropout):
        super().__init__()
        self.bottleneck = nn.Parameter(0.02 * torch.randn(N_BOTTLENECKS, width))
        self.layers = nn.ModuleList(
            nn.ModuleList(
                AttentionBlock(width, n_heads, dropout) for _ in range(n_modalities)
            )
            for _ in range(n_layers + 1)
        )
        self.read_out = AskingReadOut(n_modalities, width)
        self.n_outputs = self.read_out.n_outputs

    def forward(self, encoded, seen=None):
        """Fuse a list of (tokens, mask)."""
        parts, masks = map(list, zip(*encoded, strict=True))
        shared = self.bottleneck.expand(parts[0].shape[0], -1, -1)
        always = masks[0].new_ones(parts[0].shape[0], N_BOTTLENECKS)
        for layer in self.layers:
            written = []
            for index, block in enumerate(layer):
                tokens = torch.cat([shared, parts[index]], dim=1)
                mask = torch.cat([always, masks[index]], dim=1)
                if seen is not None:
                    seen.append(block.weights(tokens, mask))
                tokens = block(tokens, mask)
                written.append(tokens[:, :N_BOTTLENECKS])
                parts[index] = tokens[:, N_BOTTLENECKS:]
            shared = torch.stack(written).mean(dim=0)
        return self.read_out(torch.cat(parts, dim=1), encoded)


class CrossFusion(nn.Module):
    """The tokens of each modality query those of all others (Tsai et al. 2019).

    One query over all others together, where Tsai et al. have one for each pair. A
    learned token among the others gives a row with a single modality something to
    read. Cost: the tokens of each modality times those of the others.
    """

    def __init__(self, n_modalities, *, width, n_layers, n_heads, dropout):
        super().__init__()
        self.nothing = nn.Parameter(0.02 * torch.randn(1, width))
        self.layers = nn.ModuleList(
            nn.ModuleList(
                CrossAttentionBlock(width, n_heads, dropout)
                for _ in range(n_modalities)
            )
            for _ in range(n_layers)
        )
        self.read_out = AskingReadOut(n_modalities, width)
        self.n_outputs = self.read_out.n_outputs

    def forward(self, encoded, seen=None):
        """Fuse a list of (tokens, mask)."""
        parts, masks = zip(*encoded, strict=True)
        nothing = self.nothing.expand(parts[0].shape[0], -1, -1)
        always = masks[0].new_ones(parts[0].shape[0], 1)
        for layer in self.layers:
            read = []
            for index, (block, tokens) in enumerate(zip(layer, parts, strict=True)):
                context = torch.cat([nothing, *_others(parts, index)], dim=1)
                mask = torch.cat([always, *_others(masks, index)], dim=1)
                if seen is not None:
                    seen.append(block.weights(tokens, context, mask))
                read.append(block(tokens, context, mask))
            parts = read
        return self.read_out(torch.cat(parts, dim=1), encoded)


def _others(parts, index):
    return [part for other, part in enumerate(parts) if other != index]


class GatedFusion(nn.Module):
    """Each modality is read out alone; a softmax gate sees all and weighs them.

    After the gated multimodal unit of Arevalo et al. 2017, without its squashing, so
    that the fused vector is a weighted sum of tokens. Cost: linear in the tokens.
    """

    def __init__(self, n_modalities, *, width, n_layers, n_heads, dropout):
        super().__init__()
        self.n_outputs = width
        self.pooled = PooledModalities(n_modalities, width)
        self.gate = nn.Linear(n_modalities * width, n_modalities)

    def forward(self, encoded, seen=None):
        """Fuse a list of (tokens, mask)."""
        vectors, weights = self.pooled(encoded)
        absent = torch.stack([~mask.any(dim=1) for _, mask in encoded], dim=1)
        scores = self.gate(vectors.flatten(1)).masked_fill(absent, -torch.inf)
        gates = scores.softmax(dim=1)
        fused = (gates[:, None, :] @ vectors)[:, 0]
        by_modality = gates.unbind(dim=1)
        return fused, [
            gate[:, None] * within
            for gate, within in zip(by_modality, weights, strict=True)
        ]


class ConcatFusion(nn.Module):
    """Each modality is read out alone and the head sees them side by side.

    The baseline: nothing is weighed, so the weights that are reported give the
    modalities of a row equal shares. Cost: linear in the tokens.
    """

    def __init__(self, n_modalities, *, width, n_layers, n_heads, dropout):
        super().__init__()
        self.n_outputs = n_modalities * width
        self.pooled = PooledModalities(n_modalities, width)

    def forward(self, encoded, seen=None):
        """Fuse a list of (tokens, mask)."""
        vectors, weights = self.pooled(encoded)
        totals = torch.stack([within.sum(dim=1) for within in weights]).sum(dim=0)
        return vectors.flatten(1), [within / totals[:, None] for within in weights]


FUSIONS = {
    "attention": AttentionFusion,
    "bottleneck": BottleneckFusion,
    "cross": CrossFusion,
    "gated": GatedFusion,
    "concat": ConcatFusion,
}
