"""The nearest model in pytorch-widedeep, as its users write it.

It has no sound and no attention over the tokens of several parts: the frames come in as
its "tabular" part, flattened, through a module of ours; each part gives one vector, and
a dense layer of 128 sees them side by side. ``Vision`` pools after its first
convolution by 3 x 3 with stride 2 and averages over the image after its second, and
has batch normalisation. Trainable parameters are printed beside the others'.
"""

import os
import sys
import time
from functools import partial

import numpy as np
import seed_task
import torch
from peers.serve import serve, time_prediction
from pytorch_widedeep import Trainer
from pytorch_widedeep.models import BasicRNN, Vision, WideDeep
from torch import nn

N_WARM = 300  # rows that are predicted before the clock starts


class SoundSteps(nn.Module):
    """Conv1D 64 twice, pool; the mean over the steps."""

    output_dim = 64

    def __init__(self):
        super().__init__()
        self.stages = nn.Sequential(
            nn.Conv1d(seed_task.N_BANDS, 64, 3, padding=1),
            nn.ReLU(),
            nn.Conv1d(64, 64, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool1d(2),
        )

    def forward(self, X):
        """Encode (batch, frames * bands)."""
        frames = X.float().unflatten(1, (-1, seed_task.N_BANDS)).transpose(1, 2)
        return self.stages(frames).mean(dim=2)


def build_model():
    """Vision, BasicRNN, our module for sound; a dense layer of 128."""
    return WideDeep(
        deeptabular=SoundSteps(),
        deeptext=BasicRNN(
            seed_task.VOCABULARY_SIZE,
            embed_dim=128,
            hidden_dim=128,
            n_layers=1,
            padding_idx=0,
        ),
        deepimage=Vision(channel_sizes=[32, 64], kernel_sizes=3, strides=1),
        head_hidden_dims=[128],
        pred_dim=1,
    )


def main():
    """Serve: ``python widedeep_seed.py TASK.npz``."""
    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    train, test = seed_task.load(sys.argv[1])
    inputs, unseen = (
        {
            "X_tab": part.sounds.reshape(len(part.y), -1),
            # Padded in front, as its TextPreprocessor does: it takes the last state.
            "X_text": pad_in_front(part),
            "X_img": part.images,
        }
        for part in (train, test)
    )

    def run(seed, epochs, batch_size, n_layers):
        # What is chosen or built once is not timed, on any side.
        few = {name: values[: batch_size + 1] for name, values in inputs.items()}
        few["target"] = train.y[: batch_size + 1]
        warm = Trainer(build_model(), objective="binary", verbose=0, seed=0)
        warm.fit(X_train=few, n_epochs=1, batch_size=batch_size)
        few = {name: values[:N_WARM] for name, values in unseen.items()}
        warm.predict(X_test=few, batch_size=256)
        torch.manual_seed(seed)
        model = build_model()
        # Its default for num_workers is the number of cores.
        trainer = Trainer(model, objective="binary", verbose=0, seed=seed)
        began = time.perf_counter()
        trainer.fit(
            X_train={**inputs, "target": train.y},
            n_epochs=epochs,
            batch_size=batch_size,
        )
        fit_seconds = time.perf_counter() - began
        seconds, predicted = time_prediction(
            partial(trainer.predict, X_test=unseen, batch_size=256)
        )
        weights = [w for w in model.parameters() if w.requires_grad]
        return {
            "fit": fit_seconds,
            "predict": seconds,
            "accuracy": float(np.mean(predicted == test.y)),
            "parameters": sum(w.numel() for w in weights),
        }

    serve(run, ["pytorch-widedeep", "torch"])


def pad_in_front(task):
    """Move each text's ids to the end of its row."""
    n_steps = task.texts.shape[1]
    shift = n_steps - task.text_lengths[:, None]
    return np.take_along_axis(task.texts, (np.arange(n_steps) - shift) % n_steps, 1)


if __name__ == "__main__":
    main()
