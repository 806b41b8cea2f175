"""How token ids enter: as embeddings, some of them unknown in training."""

import torch
from torch import nn

UNKNOWN_ID = 0  # of every vocabulary that TextTransformer learns


def forget_tokens(ids, share):
    """Put the unknown token in the place of a share of the tokens, drawn at random.

    Word dropout (Iyyer et al. 2015, "Deep Unordered Composition Rivals Syntactic
    Methods for Text Classification"). So no word is relied on alone, however rare, and
    the unknown token is learned even if every training word is known.

    Parameters
    ----------
    ids : Tensor of int64
        Is left as it is.
    share : float
        From 0 to 1.

    Returns
    -------
    Tensor of int64, of the same shape
    """
    if share == 0:
        return ids
    drawn = torch.rand(ids.shape, device=ids.device)
    drawn = drawn.masked_fill(ids == UNKNOWN_ID, 0.0)  # padding, too
    forgotten = drawn < share
    # Of one word a fifth of the rows would say nothing, whatever the others ask of it.
    forgotten.scatter_(1, drawn.argmax(dim=1, keepdim=True), False)
    return ids.masked_fill(forgotten, UNKNOWN_ID)


class TokenEmbedding(nn.Embedding):
    """Look ids up; in training some are unknown.

    Parameters
    ----------
    vocabulary_size, size : int
        Ids, and numbers for each.
    token_dropout : float
        Share of the tokens that are unknown in training.
    """

    def __init__(self, vocabulary_size, size, token_dropout):
        super().__init__(vocabulary_size, size)
        self.token_dropout = token_dropout

    def forward(self, ids):
        """Embed (batch, steps)."""
        return super().forward(
            forget_tokens(ids, self.token_dropout) if self.training else ids
        )
