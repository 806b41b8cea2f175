"""Encoder specs: their parameters, and what they say of those that cannot work."""

import numpy as np
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.model_selection import GridSearchCV

from sklearn_mm import (
    AttentionFusionClassifier,
    BagEncoder,
    CNNEncoder,
    FeatureBlock,
    MultimodalFeatures,
    RNNEncoder,
    SelfAttentionEncoder,
    SetEncoder,
    VectorEncoder,
)
from sklearn_mm.estimators.modality import describe_modality

X, Y = load_iris(return_X_y=True)
RNG = np.random.default_rng(0)
BLOCKS = {
    "image": FeatureBlock(RNG.normal(size=(6, 3, 5, 5)), np.arange(7), "image"),
    "text": FeatureBlock(np.arange(6), np.arange(7), "tokens", vocabulary_size=6),
    "series": FeatureBlock(RNG.normal(size=(6, 2)), np.arange(7), "sequence"),
    "set": FeatureBlock(RNG.normal(size=(6, 2)), np.arange(7), "set"),
    "table": FeatureBlock.from_vectors(X),
    "counts": FeatureBlock.from_vectors(sparse.eye(6, format="csr")),
    "wide": FeatureBlock.from_vectors(np.ones((2, 2000))),
}
MODALITIES = {
    name: describe_modality(block, np.arange(len(block)))
    for name, block in BLOCKS.items()
}

REFUSED = [
    ("text", CNNEncoder(), "found a modality of kind 'tokens'. Did you mean RNN"),
    ("image", RNNEncoder(), "Did you mean CNNEncoder"),
    ("series", BagEncoder(), "encodes 'tokens', found .* Did you mean SelfAttention"),
    ("table", SetEncoder(), "Did you mean VectorEncoder"),
    ("image", SelfAttentionEncoder(), "Did you mean CNNEncoder"),
    ("set", VectorEncoder(), "Did you mean SetEncoder"),
    ("image", CNNEncoder(kernel_size=4), "must be odd, found 4"),
    ("image", CNNEncoder(kernel_size=-1), "an integer of at least 1, found -1"),
    ("image", CNNEncoder(channels=()), "at least one stage"),
    ("image", CNNEncoder(channels=32), "channels .* a tuple of integers .* found 32"),
    ("image", CNNEncoder(channels=(8, 1)), r"of at least 2, found \(8, 1\)"),
    ("image", CNNEncoder(grid=0), "grid of CNNEncoder must be an integer"),
    ("image", CNNEncoder(max_shift=-0.1), "max_shift .* at least 0 .* found -0.1"),
    ("text", RNNEncoder(cell="rnn"), "must be 'lstm' or 'gru', found 'rnn'"),
    ("text", RNNEncoder(hidden_size=0), "hidden_size .* at least 1, found 0"),
    ("text", RNNEncoder(n_layers=0), "n_layers of RNNEncoder .* at least 1, found 0"),
    ("text", RNNEncoder(embedding_size=2.5), "embedding_size .* found 2.5"),
    ("text", RNNEncoder(token_dropout=1), "token_dropout .* below 1, found 1"),
    ("series", SelfAttentionEncoder(strides=(2, 0)), r"strides .* found \(2, 0\)"),
    ("series", SelfAttentionEncoder(strides=2), "strides .* a tuple .* found 2"),
    ("series", SelfAttentionEncoder(n_layers=-1), "n_layers .* at least 0, found -1"),
    ("series", SelfAttentionEncoder(kernel_size=2), "must be odd, found 2"),
    ("text", SelfAttentionEncoder(embedding_size=0), "embedding_size .* found 0"),
    ("set", SetEncoder(n_layers=True), "n_layers of SetEncoder .* found True"),
    ("text", SetEncoder(embedding_size=0), "embedding_size .* found 0"),
    ("text", BagEncoder(0), "embedding_size of BagEncoder .* found 0"),
    ("text", BagEncoder(ngrams=()), r"at least one length, .* found \(\)"),
    ("text", BagEncoder(ngrams=(2, 2)), r"each of them once, found \(2, 2\)"),
    ("text", BagEncoder(ngrams=(0, 1)), r"ngrams .* at least 1, found \(0, 1\)"),
    ("text", BagEncoder(ngrams=2), "ngrams .* a tuple of integers .* found 2"),
    ("text", BagEncoder(n_buckets=0), "n_buckets .* at least 1, found 0"),
    ("text", BagEncoder(n_buckets=2**31), "n_buckets .* at most 2147483647"),
    ("table", VectorEncoder(0), "hidden_size of VectorEncoder .* found 0"),
    ("table", VectorEncoder(n_layers=-1), "n_layers .* at least 0, found -1"),
    ("table", VectorEncoder(tokens="columns"), "'row' or .* found 'columns'"),
    ("table", VectorEncoder(embedding="ple"), "None or .* found 'ple'"),
    ("table", VectorEncoder(max_feature_tokens=0), "max_feature_tokens .* found 0"),
    ("table", VectorEncoder(embedding_size=0), "embedding_size .* found 0"),
    ("table", VectorEncoder(n_frequencies=0), "n_frequencies .* found 0"),
    ("table", VectorEncoder(frequency_scale=0), "frequency_scale .* above 0, found 0"),
    ("table", VectorEncoder(n_bins=0), "n_bins .* at least 1, found 0"),
    ("table", VectorEncoder(n_bins=129), "n_bins .* at most 128, found 129"),
    ("counts", VectorEncoder(tokens="features"), "sparse block .* Use tokens='row'"),
    ("counts", VectorEncoder(embedding="periodic"), "sparse .* Use embedding=None"),
    ("counts", VectorEncoder(embedding="piecewise"), "sparse .* Use embedding=None"),
    ("image", CNNEncoder(learning_rate=0), "None or a number above 0, found 0"),
    ("text", RNNEncoder(learning_rate=True), "learning_rate .* found True"),
    ("text", BagEncoder(learning_rate="a"), "learning_rate of BagEncoder .* 'a'"),
    ("set", SetEncoder(learning_rate=-1), "learning_rate of SetEncoder .* found -1"),
    ("series", SelfAttentionEncoder(learning_rate=0), "learning_rate .* found 0"),
    ("table", VectorEncoder(learning_rate=0), "learning_rate .* found 0"),
    ("wide", VectorEncoder(embedding="piecewise"), "at most 1024 .* found 2000"),
]


@pytest.mark.parametrize(("name", "spec", "message"), REFUSED)
def test_a_spec_that_cannot_be_built_says_what_to_change(name, spec, message):
    with pytest.raises(ValueError, match=message):
        spec.build(MODALITIES[name], width=8, n_heads=2, dropout=0.1)


def test_a_refused_parameter_names_its_modality_in_fit():
    classifier = AttentionFusionClassifier([("features", VectorEncoder(n_bins=0))])
    with pytest.raises(ValueError, match="modality 'features': n_bins of VectorEnc"):
        classifier.fit(X, Y)


def test_parameters_are_not_checked_before_fit():
    assert clone(BagEncoder(ngrams=None)).get_params()["ngrams"] is None


def small(spec, **params):
    few = {"max_epochs": 8, "batch_size": 50, "learning_rate": 1e-2}
    params = {"width": 16, "n_heads": 2, "random_state": 0, **few, **params}
    return AttentionFusionClassifier([("features", spec)], **params)


@pytest.mark.parametrize("tokens", ["row", "features", "auto"])
@pytest.mark.parametrize("embedding", [None, "periodic", "piecewise"])
def test_every_way_to_encode_numbers_is_learned_from(tokens, embedding):
    spec = VectorEncoder(tokens=tokens, embedding=embedding)
    assert small(spec).fit(X, Y).score(X, Y) > 0.9


def test_auto_takes_sparse_rows_as_one_token_each():
    spec = VectorEncoder(tokens="auto", max_feature_tokens=4)
    classifier = small(spec).fit(sparse.csr_matrix(X), Y)
    assert classifier.score(X, Y) > 0.9
    tokens, _ = classifier.net_.module_.encoders[0](
        *[batch.to("cpu") for batch in _batch(X[:2])]
    )
    assert tokens.shape[1] == 1


def _batch(rows):
    from sklearn_mm.estimators.batches import pad_block

    return pad_block(FeatureBlock.from_vectors(rows), np.arange(len(rows)))


@pytest.mark.parametrize("embedding", ["periodic", "piecewise"])
def test_the_order_of_the_training_rows_does_not_matter_to_embeddings(embedding):
    order = np.random.default_rng(0).permutation(150)
    spec = VectorEncoder(tokens="features", embedding=embedding)
    plain = small(spec, max_epochs=2).fit(X, Y)
    shuffled = small(spec, max_epochs=2).fit(X[order], Y[order])
    assert np.array_equal(plain.predict_proba(X), shuffled.predict_proba(X))


@pytest.mark.parametrize("tokens", ["row", "features"])
def test_bins_are_kept_when_training_goes_on_with_other_rows(tokens):
    spec = VectorEncoder(tokens=tokens, embedding="piecewise")
    classifier = small(spec, warm_start=True, max_epochs=2).fit(X, Y)
    before = classifier.modalities_in_["features"].quantiles
    classifier.fit(X[::2] * 3, Y[::2])
    assert classifier.modalities_in_["features"].quantiles is before


def test_bags_learn_what_only_pairs_of_words_tell():
    rng = np.random.default_rng(0)
    y = np.arange(300) % 2
    # "1 2" or "2 1" among other words: the words alone are the same in both classes.
    texts = []
    for label in y:
        pair = [1, 2] if label else [2, 1]
        place = rng.integers(0, 5)
        words = rng.integers(3, 9, 5).tolist()
        texts.append(np.array(words[:place] + pair + words[place:], dtype=np.int32))
    block = FeatureBlock.from_samples(texts, "tokens", vocabulary_size=9)
    features = MultimodalFeatures({"features": block})
    train, test = features[:200], features[200:]
    pairs = small(BagEncoder(), max_epochs=40).fit(train, y[:200])
    words = small(BagEncoder(ngrams=(1,)), max_epochs=40).fit(train, y[:200])
    assert pairs.score(test, y[200:]) > 0.95
    assert words.score(test, y[200:]) < 0.65


def test_grid_search_reaches_the_parameters_of_the_new_specs():
    search = GridSearchCV(
        small(VectorEncoder(tokens="features"), max_epochs=1),
        {"features__embedding": [None, "piecewise"], "features__n_bins": [2, 8]},
        cv=2,
        error_score="raise",
    ).fit(X, Y)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
