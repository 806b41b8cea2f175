"""Where a network computes: a GPU, or what stands for one where there is none."""

import numpy as np
import pytest
import torch
from fake_gpu import FakeGPU, OnGPU
from numpy.testing import assert_allclose

from sklearn_mm import (
    AttentionFusionClassifier,
    AttentionFusionRegressor,
    BagEncoder,
    FeatureBlock,
    MultimodalFeatures,
    RNNEncoder,
    SetEncoder,
)
from sklearn_mm.inspection import attention_weights

RNG = np.random.default_rng(0)
N = 48
LABELS = np.arange(N) % 3


def blocks():
    texts = [RNG.integers(1, 9, RNG.integers(0, 5)).astype("i4") for _ in LABELS]
    series = [RNG.normal(k, 1, (RNG.integers(1, 6), 2)).astype("f4") for k in LABELS]
    images = RNG.integers(0, 255, (N, 3, 8, 8), dtype=np.uint8)
    table = RNG.normal(LABELS[:, None], 1, (N, 4)).astype("f4")
    table[::5, 1] = np.nan
    return {
        "text": FeatureBlock.from_samples(texts, "tokens", vocabulary_size=9),
        "series": FeatureBlock.from_samples(series, "sequence"),
        "set": FeatureBlock.from_samples(series, "set"),
        "image": FeatureBlock(images, np.arange(N + 1), "image"),
        "table": FeatureBlock.from_vectors(table),
    }


FEATURES = MultimodalFeatures(list(blocks().items()))


def small(kind=AttentionFusionClassifier, **params):
    params = {"width": 8, "n_heads": 2, "max_epochs": 1, "batch_size": 16, **params}
    return kind(random_state=0, **params)


CASES = {
    "all that training has": {
        "early_stopping": True,
        "averaging": "ema",
        "modality_noise": 0.5,
        "calibration": "temperature",
    },
    "other encoders": {
        "encoders": [
            ("text", BagEncoder()),
            ("series", RNNEncoder(cell="lstm")),
            ("set", SetEncoder()),
        ],
        "fusion": "bottleneck",
        "missing": "skip",
    },
    "cross": {"fusion": "cross", "gradient_clipping": None},
    "gated": {"fusion": "gated", "auxiliary_weight": 0},
}
OFTEN = ["all that training has", "other encoders"]
RARELY = [pytest.param(n, marks=pytest.mark.slow) for n in CASES if n not in OFTEN]


@pytest.mark.parametrize("name", OFTEN + RARELY)
def test_on_another_device_the_same_is_learned(name):
    expected = small(device="cpu", **CASES[name]).fit(FEATURES, LABELS)
    with FakeGPU():
        model = small(device="cuda", **CASES[name]).fit(FEATURES, LABELS)
        assert isinstance(next(model.net_.module_.parameters()), OnGPU)
        found = model.predict_proba(FEATURES)
        weights = attention_weights(model, FEATURES)
    assert_allclose(found, expected.predict_proba(FEATURES), rtol=1e-4, atol=1e-6)
    assert_allclose(weights, attention_weights(expected, FEATURES), atol=1e-5)


def test_a_regressor_learns_on_another_device():
    params = {"kind": AttentionFusionRegressor, "early_stopping": True}
    table, y = FEATURES["table"], LABELS + 0.5
    expected = small(device="cpu", **params).fit(table, y)
    with FakeGPU():
        model = small(device="cuda", **params).fit(table, y)
        found = model.predict(table)
        model.partial_fit(table, y)
    assert_allclose(found, expected.predict(table), rtol=1e-4)


def test_batches_for_a_gpu_are_pinned():
    with FakeGPU() as gpu:
        small(device="cuda", early_stopping=True).fit(FEATURES["table"], LABELS)
    assert gpu.n_pinned > 0
    assert gpu.n_unpinned == 0


def test_batches_for_the_processor_are_not_pinned():
    with FakeGPU() as gpu:
        small(device="cpu").fit(FEATURES["table"], LABELS)
    assert gpu.n_pinned == 0


def test_the_fake_refuses_to_add_numbers_of_two_devices():
    with FakeGPU():
        there = torch.ones(2).to("cuda")
        assert there.device.type == torch.zeros(2, device="cuda").device.type == "cuda"
        with pytest.raises(RuntimeError, match="to be on the same device, in add"):
            there + torch.ones(2)


@pytest.mark.slow
def test_a_compiled_network_learns_the_same():
    table = FEATURES["table"]
    expected = small(early_stopping=True).fit(table, LABELS)
    compiled = {"compile": True, "compile__backend": "eager"}
    model = small(early_stopping=True, net_params=compiled).fit(table, LABELS)
    assert_allclose(
        model.predict_proba(table), expected.predict_proba(table), rtol=1e-4
    )


gpu = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU"),
]


class TestOnAGPU:
    pytestmark = gpu

    @pytest.mark.parametrize("name", CASES)
    def test_it_trains_and_predicts_as_the_processor_does(self, name):
        params = {**CASES[name], "max_epochs": 10}
        model = small(device="cuda", **params).fit(FEATURES, LABELS)
        assert model.score(FEATURES, LABELS) > 0.6
        found = model.predict_proba(FEATURES)
        model.net_.set_params(device="cpu")
        model.net_.module_.to("cpu")
        assert_allclose(found, model.predict_proba(FEATURES), atol=1e-3)

    @pytest.mark.parametrize("params", [{}, {"net_params": {"compile": True}}])
    def test_mixed_precision_learns_as_well(self, params):
        model = small(device="cuda", precision="bfloat16", max_epochs=10, **params)
        assert model.fit(FEATURES, LABELS).score(FEATURES, LABELS) > 0.6

    def test_a_checkpoint_keeps_its_random_states(self, tmp_path):
        from test_checkpoints import assert_same, killed
        from test_checkpoints import small as checked

        expected = checked(device="cuda").fit(FEATURES, LABELS)
        killed(checked(tmp_path, device="cuda"), FEATURES, LABELS)
        model = checked(tmp_path, device="cuda").fit(FEATURES, LABELS)
        assert_same(model, expected)
