"""The network: an encoder for each modality, a fusion of all, a dense head."""

import torch
from torch import nn

from sklearn_mm.nn.attention import ReadOut, length_mask
from sklearn_mm.nn.fusion import FUSIONS
from sklearn_mm.nn.noise import replace_by_noise
from sklearn_mm.nn.rollout import roll_out
from sklearn_mm.nn.skill import Skill

# Of the linear map from the fused vector to the outputs, at first.
DIRECT_SCALE = 0.125
BESIDE_LINEAR = 0.1  # of it, where the network begins with a linear model

# Share of the training rows in which modalities are hidden.
THINNED_SHARE = 0.5

# What modalities tell, as the share of the prior's loss that is saved: up to the first
# nothing, from the second on enough. Of each alone, and of all together.
ALONE = 0.02, 0.1
TOGETHER = 0.5, 0.9


class FusionNetwork(nn.Module):
    """Encode each modality, fuse all tokens, predict.

    Parameters
    ----------
    encoders : list of (str, Module)
        One for each modality, as :mod:`sklearn_mm.nn.encoders` describes.
    prior : array-like of shape (n_outputs,)
        What the head gives for a row with no modality at all.
    fusion : str
        A key of :data:`sklearn_mm.nn.fusion.FUSIONS`.
    missing : {"token", "skip"}
        Whether a learned token stands for an absent modality, or nothing.
    width : int
        Of the encoders' tokens.
    n_layers, n_heads, dropout
        Of the fusion.
    modality_dropout : float
        In training, the probability that a modality of a row is hidden; a row's last
        modality never is.
    modality_noise : float
        Share of the hidden modalities that are replaced by noise instead of being
        absent, so that noise is recognised and ignored (after Kim & Ghosh 2019). The
        heads of single modalities do not learn from it.
    auxiliary : bool
        Whether each modality has a head of its own in training, so that none is left
        behind by a stronger one (Wang et al. 2020).
    votes : dict of str to Votes, default=None
        What a linear model reads from modalities of numbers or words; is added to
        what the head gives. The votes of a token stand behind its features, so that
        whatever a method changes or leaves out of the tokens, it does so with them.
    """

    def __init__(
        self,
        encoders,
        prior,
        *,
        fusion,
        missing,
        width,
        n_layers,
        n_heads,
        dropout,
        modality_dropout,
        modality_noise,
        auxiliary,
        votes=None,
    ):
        super().__init__()
        # A list, since a modality may bear a name that ModuleDict refuses.
        self.names = [name for name, _ in encoders]
        self.encoders = nn.ModuleList(encoder for _, encoder in encoders)
        self.votes = nn.ModuleDict(
            {str(self.names.index(name)): of for name, of in (votes or {}).items()}
        )
        self.width = width
        self.modality_dropout = modality_dropout
        self.modality_noise = modality_noise
        # From 0, where nothing is hidden, to 1.
        self.thinning = 1.0
        self.skill = Skill(len(encoders))
        # Whether the heads of single modalities answer outside of training, too.
        self.judges_heads = False
        self.modality_codes = nn.Parameter(0.02 * torch.randn(len(encoders), width))
        self.absent_tokens = nn.Parameter(0.02 * torch.randn(len(encoders), width))
        self.missing = missing
        self.fusion = FUSIONS[fusion](
            len(encoders),
            width=width,
            n_layers=n_layers,
            n_heads=n_heads,
            dropout=dropout,
        )
        self.register_buffer("prior", torch.as_tensor(prior, dtype=torch.float32))
        self.head = nn.Sequential(
            nn.Linear(self.fusion.n_outputs, 2 * width),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(2 * width, len(self.prior)),
        )
        # Past the hidden layer, so that from the first step on every direction of the
        # fused vector counts: else attention has nothing to look for in the tokens.
        self.direct = nn.Linear(self.fusion.n_outputs, len(self.prior), bias=False)
        nn.init.normal_(self.direct.weight, std=DIRECT_SCALE)
        if hasattr(self.fusion, "read_out"):
            self.fusion.read_out.oppose(self.direct)
        # Of the linear model that it began with, and how far it counts what it has
        # learned beyond that model.
        self.register_buffer("first_intercepts", torch.zeros(len(self.prior)))
        self.register_buffer("learned_share", torch.ones(()))
        self.auxiliary_heads = nn.ModuleList(
            ModalityHead(width, len(self.prior), dropout)
            for _ in (encoders if auxiliary else ())
        )

    def forward(self, batch):
        """Predict for a batch.

        Parameters
        ----------
        batch : dict of str to (values, lengths)
            For each modality a padded tensor (batch, steps, *token_shape) and the
            lengths (batch,); a length of zero means missing.

        Returns
        -------
        Tensor of shape (batch, n_outputs)
            With auxiliary heads, in training and where they are judged, a tuple: this,
            then of each modality its own outputs (n_modalities, batch, n_outputs), and
            whether the row has it, not as noise (n_modalities, batch).
        """
        absent, noisy = self._hide(batch)
        lengths = self._lengths(batch).masked_fill(absent, 0)
        encoded = self._encode_all(self._with_noise(batch, noisy), list(lengths))
        present = lengths > 0
        outputs = self.decide(encoded, present.any(dim=0))
        if not (self.auxiliary_heads and (self.training or self.judges_heads)):
            return outputs
        share = self.taught_share()
        own = [
            head(_teaching(self._content(tokens), share), mask)
            for head, (tokens, mask) in zip(self.auxiliary_heads, encoded, strict=True)
        ]
        return outputs, torch.stack(own), present & ~noisy

    @property
    def members(self):
        """Itself, where a network of :class:`FusionMembers` has several."""
        return (self,)

    def named_votes(self):
        """Give (name, Votes) of each modality that has them."""
        return [(self.names[int(index)], votes) for index, votes in self.votes.items()]

    def begin_with(self, coefficients, intercepts):
        """Predict at first what a linear model does.

        Parameters
        ----------
        coefficients : dict of str to ndarray of shape (n_outputs, n_inputs)
            Of each modality that has votes, by its name.
        intercepts : ndarray of shape (n_outputs,)
            Of the outputs.
        """
        last = self.head[-1]
        with torch.no_grad():
            for name, votes in self.named_votes():
                votes.weight.copy_(torch.as_tensor(coefficients[name]))
            last.weight.zero_()
            # Of opposed queries nothing comes yet: so there is something to look for.
            is_opposed = hasattr(self.fusion, "read_out")
            self.direct.weight.mul_(BESIDE_LINEAR if is_opposed else 0.0)
            last.bias.copy_(torch.as_tensor(intercepts))
            self.first_intercepts.copy_(last.bias)
            self.count_learned(1.0)

    def count_learned(self, share):
        """Predict what lies between the linear model and all that was learned since.

        Parameters
        ----------
        share : float
            0 is the linear model, 1 the whole network.
        """
        self.learned_share.fill_(share)
        for _, votes in self.named_votes():
            votes.learned_share.fill_(share)

    def taught_share(self):
        """Give how far the heads of single modalities teach their encoders: 0 to 1.

        Not at all where no modality tells anything alone: its head would teach the
        encoder to know the training rows by heart, and that is faster than to find what
        only several modalities together tell. All, where one does: a weaker one is
        then not left behind.
        """
        return _reached(float(self.skill.alone.max()), *ALONE)

    def found_share(self):
        """Give how much of what is to be learned has been found: 0 to 1.

        By one modality alone or by all together; until then, rows are shown whole.
        """
        together = _reached(float(self.skill.together), *TOGETHER)
        return max(together, self.taught_share())

    def encode(self, batch):
        """Encode every modality, none hidden: what the fusion sees in prediction.

        Returns
        -------
        encoded : list of (Tensor, Tensor)
            Of each modality the tokens (batch, steps', width) and their mask
            (batch, steps'). Behind the features of tokens that vote stand their votes.
        present : Tensor of shape (n_modalities, batch), bool
            Whether the row has the modality; else its absent token stands there.
        """
        lengths = self._lengths(batch)
        return self._encode_all(batch, list(lengths)), lengths > 0

    def decide(self, encoded, has_evidence):
        """Predict from the tokens of all modalities.

        Parameters
        ----------
        encoded : list of (Tensor, Tensor)
            As :meth:`encode` gives it; a row has a token somewhere.
        has_evidence : Tensor of shape (batch,), bool
            Whether the row has any modality; else it gets the prior.

        Returns
        -------
        Tensor of shape (batch, n_outputs)
        """
        return self.decide_and_attend(encoded, has_evidence)[0]

    def decide_and_attend(self, encoded, has_evidence):
        """Give what :meth:`decide` and :meth:`attend` do, computed once."""
        fused, weights = self.fusion(self._contents(encoded))
        learned = self.head(fused) + self.direct(fused)
        first = self.first_intercepts
        outputs = first + self.learned_share * (learned - first)
        for tokens, mask in encoded:
            votes = tokens[..., self.width :]
            if votes.shape[-1]:
                outputs = outputs + (votes * mask[..., None]).sum(dim=1)
        return torch.where(has_evidence[:, None], outputs, self.prior), weights

    def without_content(self, encoded):
        """Put the absent token of its modality in the place of every token.

        Parameters
        ----------
        encoded : list of (Tensor, Tensor)
            As :meth:`encode` gives it.

        Returns
        -------
        list of Tensor of shape (batch, steps', width)
            What :meth:`decide` would see of rows whose tokens say nothing, nor vote.
        """
        blank = self.absent_tokens + self.modality_codes
        return [
            self._without_votes(index, token).to(tokens.dtype).expand_as(tokens)
            for index, (token, (tokens, _)) in enumerate(
                zip(blank, encoded, strict=True)
            )
        ]

    def attend(self, encoded, *, method="read_out"):
        """Weigh every token as the head sees it.

        Parameters
        ----------
        encoded : list of (Tensor, Tensor)
            As :meth:`encode` gives it.
        method : {"read_out", "rollout"}
            The weights of the read-out, after the tokens have read each other; or these
            carried back to the tokens as they were before.

        Returns
        -------
        list of Tensor of shape (batch, steps')
            The weights of each modality's tokens. Over all modalities, a row's weights
            sum to one.
        """
        contents = self._contents(encoded)
        if method == "rollout":
            return list(roll_out(self.fusion, contents))
        return list(self.fusion(contents)[1])

    def _content(self, tokens):
        """Take the votes off tokens."""
        return tokens[..., : self.width]

    def _contents(self, encoded):
        return [(self._content(tokens), mask) for tokens, mask in encoded]

    def _without_votes(self, index, token):
        """Give a token (width,) the votes zero, if those of its modality vote."""
        n_votes = len(self.prior) if str(index) in self.votes else 0
        return nn.functional.pad(token, (0, n_votes))

    def _inputs(self, batch):
        return [batch[name] for name in self.names]

    def _lengths(self, batch):
        return torch.stack([lengths for _, lengths in self._inputs(batch)])

    def _hide(self, batch):
        """Choose which modalities of rows are hidden in training: absent, or noise.

        Returns
        -------
        absent, noisy : Tensor of shape (n_modalities, batch), bool
            One modality of each row is neither.
        """
        present = self._lengths(batch) > 0
        nothing = torch.zeros_like(present)
        if not self.training or self.modality_dropout == 0 or len(present) == 1:
            return nothing, nothing
        drawn = torch.rand(present.shape, device=present.device)
        # Half of the rows are shown whole: what only all modalities together tell is
        # learned from these, and from the others what to do without.
        thinned = torch.rand(present.shape[1], device=present.device)
        thinned = thinned < self.thinning * THINNED_SHARE
        share = min(1.0, self.modality_dropout / THINNED_SHARE)
        hidden = (drawn < share) & present & thinned
        # The modality with the largest draw stays where all would be hidden.
        drawn = drawn.masked_fill(~present, -1.0)
        hidden.scatter_(0, drawn.argmax(dim=0, keepdim=True), False)
        if self.modality_noise == 0:
            return hidden, nothing
        noise = torch.rand(present.shape, device=present.device) < self.modality_noise
        return hidden & ~noise, hidden & noise

    def _with_noise(self, batch, noisy):
        """Put noise in the place of the modalities that were chosen."""
        if not noisy.any():
            return batch
        return {
            name: (replace_by_noise(*batch[name], rows), batch[name][1])
            for name, rows in zip(self.names, noisy, strict=True)
        }

    def _encode_all(self, batch, lengths):
        """Encode every modality: a list of (tokens, mask)."""
        nothing = ~(torch.stack(lengths) > 0).any(dim=0)
        return [
            self._encode(index, values, length, nothing)
            for index, ((values, _), length) in enumerate(
                zip(self._inputs(batch), lengths, strict=True)
            )
        ]

    def _encode(self, index, values, lengths, nothing):
        """Encode the rows that have the modality; the others get its absent token.

        With ``missing="skip"`` that token is masked, save in the rows that have
        nothing else: attention over nothing is not a number.
        """
        present = lengths > 0
        absent = self._without_votes(index, self.absent_tokens[index])
        shown = torch.ones_like(lengths) if self.missing == "token" else nothing.long()
        if present.all():
            tokens, lengths = self._encode_present(index, values, lengths)
        elif present.any():
            longest = int(lengths.max())
            some, some_lengths = self._encode_present(
                index, values[present, :longest], lengths[present]
            )
            tokens = absent.to(some.dtype).expand(len(values), some.shape[1], -1)
            tokens, lengths = tokens.clone(), shown
            tokens[present] = some
            lengths[present] = some_lengths
        else:
            tokens, lengths = absent.expand(len(values), 1, -1), shown
        tokens = tokens + self._without_votes(index, self.modality_codes[index])
        return tokens, length_mask(lengths, tokens.shape[1])

    def _encode_present(self, index, values, lengths):
        """Encode rows that all have the modality, and let their tokens vote."""
        tokens, n_tokens = self.encoders[index](values, lengths)
        if str(index) in self.votes:
            votes = self.votes[str(index)](values, lengths, tokens)
            tokens = torch.cat([tokens, votes.to(tokens.dtype)], dim=-1)
        return tokens, n_tokens


def _reached(skill, nothing, enough):
    return min(1.0, max(0.0, (skill - nothing) / (enough - nothing)))


def _teaching(tokens, share):
    """Leave tokens as they are, and of their gradient a share."""
    return tokens.detach() + share * (tokens - tokens.detach())


class ModalityHead(nn.Module):
    """Predict from the tokens of one modality alone."""

    def __init__(self, width, n_outputs, dropout):
        super().__init__()
        self.read_out = ReadOut(width)
        self.head = nn.Sequential(
            nn.LayerNorm(width), nn.Dropout(dropout), nn.Linear(width, n_outputs)
        )

    def forward(self, tokens, mask):
        """Predict for (batch, steps, width)."""
        pooled, _ = self.read_out(tokens, mask)
        return self.head(pooled)
