"""Which modalities a linear model reads before the network is trained."""

# Weights of the linear model; modalities that would need more are left to the network.
MAX_WEIGHTS = 100_000
# From so many rows on, a linear model of words knows the training rows by heart, and
# leaves the network nothing to learn.
MAX_ROWS_OF_WORDS = 1000
MIN_ROWS = 10


def choose_voting(modalities, n_outputs, n_rows):
    """Name the modalities that a linear model reads.

    Parameters
    ----------
    modalities : dict of str to Modality
        Of the training rows.
    n_outputs, n_rows : int
        Of the network, and of the training.

    Returns
    -------
    list of str
    """
    if n_rows < MIN_ROWS:
        return []
    kinds = ["vector", "tokens"] if n_rows < MAX_ROWS_OF_WORDS else ["vector"]
    return [
        name
        for name, modality in modalities.items()
        if modality.kind in kinds and _n_inputs(modality) * n_outputs <= MAX_WEIGHTS
    ]


def _n_inputs(modality):
    if modality.kind == "tokens":
        return modality.vocabulary_size
    return modality.n_inputs
