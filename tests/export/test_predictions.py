"""What a graph predicts beside the model it was made of."""

import pytest

from sklearn_mm import (
    BagEncoder,
    CNNEncoder,
    RNNEncoder,
    SelfAttentionEncoder,
    SetEncoder,
    VectorEncoder,
)
from sklearn_mm.estimators import specs
from sklearn_mm.nn.fusion import FUSIONS

# Of each encoder, the kinds that it reads and the ways in which it is built.
ENCODERS = {
    "BagEncoder": [
        ("tokens", BagEncoder(embedding_size=8, n_buckets=64)),
        ("tokens", BagEncoder(embedding_size=8, n_buckets=64, ngrams=(2, 5))),
    ],
    "CNNEncoder": [
        ("image", CNNEncoder(channels=(4, 6, 6))),
        ("image", CNNEncoder(channels=(4, 4), residual=True, grid=3, kernel_size=5)),
    ],
    "RNNEncoder": [
        ("tokens", RNNEncoder(hidden_size=6)),
        ("tokens", RNNEncoder("gru", hidden_size=6, n_layers=2, attention=False)),
        ("sequence", RNNEncoder(hidden_size=6, bidirectional=False)),
    ],
    "SelfAttentionEncoder": [
        ("sequence", SelfAttentionEncoder(strides=())),
        ("sequence", SelfAttentionEncoder(strides=(2, 3), kernel_size=3)),
        ("sequence", SelfAttentionEncoder(strides=(2,), statistics=False)),
        ("tokens", SelfAttentionEncoder(n_layers=2, strides=(2,))),
    ],
    "SetEncoder": [
        ("set", SetEncoder()),
        ("sequence", SetEncoder(n_layers=2)),
        ("tokens", SetEncoder(n_layers=0)),
    ],
    "VectorEncoder": [
        ("vector", VectorEncoder(tokens=tokens, embedding=embedding, n_bins=4))
        for tokens in ("row", "features")
        for embedding in (None, "periodic", "piecewise")
    ],
}


def test_every_encoder_is_compared():
    is_spec = [name for name in specs.__all__ if name != "default_encoder"]
    assert sorted(ENCODERS) == sorted(is_spec)


@pytest.mark.parametrize("name", ENCODERS)
def test_an_encoder_gives_the_same_in_the_graph(name, make_model, check):
    built = {f"{kind} {i}": (kind, of) for i, (kind, of) in enumerate(ENCODERS[name])}
    kinds = {modality: kind for modality, (kind, _) in built.items()}
    encoders = [(modality, encoder) for modality, (_, encoder) in built.items()]
    model = make_model(kinds, encoders=encoders)
    check(model, kinds)


@pytest.mark.parametrize("fusion", FUSIONS)
@pytest.mark.parametrize(
    "missing", ["token", pytest.param("skip", marks=pytest.mark.slow)]
)
def test_a_fusion_gives_the_same_in_the_graph(fusion, missing, make_model, check):
    kinds = {"set": "set", "table": "vector"}
    kinds |= {"text": "tokens"} if missing == "skip" else {}
    check(make_model(kinds, fusion=fusion, missing=missing), kinds)


def test_missing_modalities_are_skipped_in_the_graph(make_model, check):
    kinds = {"set": "set", "table": "vector"}
    check(make_model(kinds, fusion="gated", missing="skip"), kinds)


def test_several_members_predict_together_in_the_graph(make_model, check):
    kinds = {"set": "set"}
    model = make_model(kinds, n_estimators=2)
    assert len(model.net_.module_.members) == 2
    check(model, kinds)
