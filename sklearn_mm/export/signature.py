"""The inputs and outputs of a graph."""

from sklearn_mm.estimators.padding import pad_rows

WEIGHTS = "attention_weights"


def output_names(metadata):
    """Name the outputs of the graph.

    Parameters
    ----------
    metadata : Metadata
        Of the model.

    Returns
    -------
    list of str
        ``"scores"`` are the logarithms of unnormalised probabilities, calibrated;
        ``"values"`` are in the units of the target.
    """
    if metadata.task == "regression":
        return ["values", WEIGHTS]
    return ["scores", "probabilities", WEIGHTS]


def graph_inputs(metadata, features, rows):
    """Cut a batch out of features, as the graph takes it.

    Parameters
    ----------
    metadata : Metadata
        Of the model.
    features : MultimodalFeatures
        With its modalities, in order.
    rows : ndarray of int
        Of the batch.

    Returns
    -------
    dict of str to ndarray
        By the names of the inputs.
    """
    inputs = {}
    for modality in metadata.modalities:
        values, lengths = pad_rows(features[modality.name], rows, min_steps=1)
        inputs[modality.values] = values.astype(modality.dtype, copy=False)
        inputs[modality.lengths] = lengths
    return inputs
