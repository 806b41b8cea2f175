"""Grid search through a pipeline, over every part of it, in processes."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline
from torch import nn

from sklearn_mm import (
    AttentionFusionClassifier,
    BagEncoder,
    CNNEncoder,
    ImageTransformer,
    MultimodalFeatureUnion,
    TextTransformer,
)
from sklearn_mm.datasets import make_multimodal_classification

X, Y = make_multimodal_classification(
    40, modalities=["image", "text"], missing_rate=0.1, random_state=0
)
GRID = {
    "features__text__vocabulary_size": [10, 1000],
    "classifier__image__channels": [(4,), (4, 8)],
    "classifier__fusion": ["attention", "concat"],
    "classifier__modality_dropout": [0.0, 0.3],
}


class WordVectors(nn.Module):
    """A user's own encoder of token ids."""

    def __init__(self, modality, *, width, n_heads, dropout):
        super().__init__()
        self.embedding = nn.Embedding(modality.vocabulary_size, width)

    def forward(self, values, lengths):
        return self.embedding(values), lengths


def make_search(grid, n_jobs):
    features = MultimodalFeatureUnion(
        [
            ("image", ImageTransformer(size=(16, 16)), "image"),
            ("text", TextTransformer(min_frequency=1), "text"),
        ]
    )
    classifier = AttentionFusionClassifier(
        encoders=[("image", CNNEncoder())],
        width=8,
        n_heads=2,
        max_epochs=2,
        random_state=0,
    )
    model = Pipeline([("features", features), ("classifier", classifier)])
    return GridSearchCV(model, grid, cv=2, n_jobs=n_jobs, error_score="raise")


@pytest.fixture(scope="module")
def search():
    return make_search(GRID, n_jobs=2).fit(X, Y)


def test_a_grid_over_features_encoder_fusion_and_training_runs_in_processes(search):
    assert len(search.cv_results_["params"]) == 16
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()


def test_the_best_of_the_grid_is_what_is_fitted(search):
    best, fitted = search.best_params_, search.best_estimator_
    n_words = fitted["features"].named_transformers_["text"].vocabulary_size
    assert n_words == best["features__text__vocabulary_size"]
    assert fitted["classifier"].fusion == best["classifier__fusion"]
    channels = fitted["classifier"].get_params()["image__channels"]
    assert channels == best["classifier__image__channels"]
    assert_array_equal(search.predict(X), fitted.predict(X))


def test_a_grid_in_processes_scores_as_one_in_this_process(search):
    alone = make_search({name: values[-1:] for name, values in GRID.items()}, None)
    alone.fit(X, Y)
    spread = search.cv_results_["mean_test_score"][-1]
    assert_allclose(spread, alone.cv_results_["mean_test_score"][0])


def test_a_grid_over_encoders_takes_factories_of_the_users():
    grid = {"classifier__encoders": [[("text", BagEncoder())], [("text", WordVectors)]]}
    search = make_search(grid, n_jobs=2).fit(X, Y)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
