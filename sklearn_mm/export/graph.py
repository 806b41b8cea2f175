"""From a fitted estimator to an ONNX graph."""

import io
import warnings

import numpy as np
import torch
from torch import nn

from sklearn_mm.export.signature import graph_inputs, output_names
from sklearn_mm.nn.traced import TracedNetwork

# Of 2024's onnxruntime, and old enough for most others.
OPSET = 17

# In one file; protobuf has signed lengths.
MAX_WEIGHT_BYTES = 2**31 - 2**24


def trace(estimator, metadata, features):
    """Trace the network of an estimator over some rows.

    Parameters
    ----------
    estimator : fitted attention fusion estimator
        Is left as it is.
    metadata : Metadata
        Of it.
    features : MultimodalFeatures
        Some rows, of several steps each.

    Returns
    -------
    bytes
        An ONNX graph that takes any number of rows and steps.
    """
    network = WholeModel(estimator).eval()
    n_bytes = sum(each.nbytes for each in network.state_dict().values())
    if n_bytes > MAX_WEIGHT_BYTES:
        raise ValueError(
            f"the network has {n_bytes} bytes of weights, more than the "
            f"{MAX_WEIGHT_BYTES} that one ONNX file holds. Lower vocabulary_size or "
            "n_buckets"
        )
    inputs = graph_inputs(metadata, features, np.arange(len(features)))
    outputs = output_names(metadata)
    axes = {name: {0: "rows"} for name in (*inputs, *outputs)}
    for modality in metadata.modalities:
        axes[modality.values] = {0: "rows", 1: f"steps_of_{modality.values}"}
    file = io.BytesIO()
    with warnings.catch_warnings():
        # Of what is constant in the graph: whether that is right is seen by comparing
        # the numbers on rows of other lengths.
        warnings.simplefilter("ignore")
        # The older exporter, which traces. That of torch.export (dynamo=True, torch
        # 2.13) takes a recurrent layer's steps as fixed from the second model of a
        # process on, compares shapes that it cannot prove equal, and takes seconds
        # where this one takes tenths; and it needs onnxscript.
        torch.onnx.export(
            network,
            tuple(map(torch.from_numpy, inputs.values())),
            file,
            dynamo=False,
            opset_version=OPSET,
            input_names=list(inputs),
            output_names=outputs,
            dynamic_axes=axes,
        )
    return file.getvalue()


class WholeModel(nn.Module):
    """A trained network, and what its estimator makes of what it gives.

    Parameters
    ----------
    estimator : fitted attention fusion estimator
        Is left as it is.
    """

    def __init__(self, estimator):
        super().__init__()
        self.network = TracedNetwork(estimator.net_.module_)
        is_classifier = hasattr(estimator, "classes_")
        self.finish = (Probabilities if is_classifier else Values)(estimator)

    def forward(self, *inputs):
        """Predict from the values and lengths of each modality."""
        outputs, weights, present = self.network(*inputs)
        return *self.finish(outputs, present), weights


class Values(nn.Module):
    """Put what the network gives into the units of the target."""

    def __init__(self, estimator):
        super().__init__()
        self.register_buffer("scale", torch.as_tensor(estimator.target_scale_))
        self.register_buffer("mean", torch.as_tensor(estimator.target_mean_))

    def forward(self, outputs, present):
        """Give values (rows, n_outputs), float64."""
        return (outputs.double() * self.scale + self.mean,)


class Probabilities(nn.Module):
    """Divide scores by the temperature of each row, and make probabilities of them."""

    def __init__(self, estimator):
        super().__init__()
        names = list(estimator.modalities_in_)
        learned = estimator.temperatures_
        patterns = [[name in pattern for name in names] for pattern in learned]
        self.multilabel = estimator.multilabel_
        self.register_buffer("patterns", torch.tensor(patterns, dtype=torch.int64))
        self.register_buffer("of_patterns", torch.tensor([*learned.values()]))
        self.shared = float(estimator.shared_temperature_)

    def forward(self, outputs, present):
        """Give scores and probabilities (rows, n_classes)."""
        scores = outputs
        if len(self.patterns):
            scores = outputs / self.temperatures(present)[:, None]
        if self.multilabel:
            return scores, scores.sigmoid()
        return scores, scores.softmax(dim=1)

    def temperatures(self, present):
        """Look up the temperature of each of (n_modalities, rows), bool: (rows,)."""
        rows = present.T[:, None].long()
        is_pattern = ((rows - self.patterns).abs().sum(dim=2) == 0).float()
        found = is_pattern @ self.of_patterns
        found = torch.where(is_pattern.sum(dim=1) > 0, found, self.shared)
        return torch.where(present.any(dim=0), found, 1.0)
