"""The task's network for sklearn_mm: features, encoders, classifier.

As in the model of ``peers/keras_seed.py``: two convolutions with pooling whose 16 x 16
cells are tokens, an LSTM whose states are, two convolutions along time with pooling;
attention over the tokens of all three; a dense layer of 128. Plain encoders as a user
would write them, since ours add normalisation and positions.
"""

import seed_task
import torch
from torch import nn

from sklearn_mm import (
    AttentionFusionClassifier,
    FeatureBlock,
    MultimodalFeatures,
    RNNEncoder,
)
from sklearn_mm.nn.attention import length_mask
from sklearn_mm.nn.encoders.images import HalvingPool, in_chunks
from sklearn_mm.nn.encoders.sequences import TimeConvolution

WIDTH = 64


class ImageCells(nn.Module):
    """Conv 32, pool, Conv 64, pool; each cell of the map is a token.

    ReLU comes after the pooling, as in sklearn_mm's own encoder: the numbers are the
    same, and there are four times fewer to rectify. Keras gained nothing by it.
    """

    def __init__(self, modality, *, width, n_heads, dropout):
        super().__init__()
        self.stages = nn.Sequential(
            nn.Conv2d(modality.n_inputs, 32, 3, padding=1),
            HalvingPool(),
            nn.ReLU(inplace=True),
            nn.Conv2d(32, width, 3, padding=1),
            HalvingPool(),
            nn.ReLU(inplace=True),
        ).to(memory_format=torch.channels_last)

    def forward(self, values, lengths):
        """Encode (batch, 1, colours, height, width_in_pixels), bytes."""
        cells = in_chunks(self._convolve, values.squeeze(1), n_channels=32)
        return cells, torch.full_like(lengths, cells.shape[1])

    def _convolve(self, images):
        images = images.contiguous(memory_format=torch.channels_last)
        return self.stages(images.float().div_(255)).flatten(2).transpose(1, 2)


class SoundSteps(nn.Module):
    """Conv1D 64 twice, pool; each step is a token."""

    def __init__(self, modality, *, width, n_heads, dropout):
        super().__init__()
        self.first = TimeConvolution(modality.n_inputs, width, 3, padding=1)
        self.second = TimeConvolution(width, width, 3, padding=1)

    def forward(self, values, lengths):
        """Encode (batch, frames, bands)."""
        inside = length_mask(lengths, values.shape[1])[..., None]
        steps = self.first(values).relu() * inside
        steps = self.second(steps).relu() * inside
        # One pixel high and with the features last, as the convolutions have it.
        maps = steps.transpose(1, 2).unsqueeze(2)
        maps = nn.functional.max_pool2d(maps, (1, 2), ceil_mode=True)
        return maps.squeeze(2).transpose(1, 2), (lengths + 1) // 2


def make_features(task):
    """Hold the task's arrays as sklearn_mm's features, without their padding."""
    n_rows = len(task.y)
    texts = [ids[:n] for ids, n in zip(task.texts, task.text_lengths, strict=True)]
    sounds = [x[:n] for x, n in zip(task.sounds, task.sound_lengths, strict=True)]
    images = task.images.transpose(0, 3, 1, 2).copy()
    return MultimodalFeatures(
        [
            ("image", FeatureBlock(images, range(n_rows + 1), "image")),
            (
                "text",
                FeatureBlock.from_samples(
                    texts, "tokens", vocabulary_size=seed_task.VOCABULARY_SIZE
                ),
            ),
            ("audio", FeatureBlock.from_samples(sounds, "sequence")),
        ]
    )


def make_classifier(*, n_layers, max_epochs, batch_size, random_state):
    """Make the classifier; its dense layer is twice as wide as its tokens."""
    text = RNNEncoder(
        hidden_size=128,
        bidirectional=False,
        attention=False,
        embedding_size=128,
        token_dropout=0.0,
    )
    return AttentionFusionClassifier(
        [("image", ImageCells), ("text", text), ("audio", SoundSteps)],
        width=WIDTH,
        n_layers=n_layers,
        dropout=0.0,
        modality_dropout=0.0,
        auxiliary_weight=0.0,
        max_epochs=max_epochs,
        batch_size=batch_size,
        random_state=random_state,
    )
