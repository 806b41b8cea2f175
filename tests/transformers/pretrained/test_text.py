import shutil

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from sklearn_mm import PretrainedTextTransformer

SentenceTransformer = pytest.importorskip(
    "sentence_transformers", reason="needs the extra 'pretrained'"
).SentenceTransformer

TEXTS = ["a red fox and a blue bird", "the cat", None, "the tax form of two cat", "fox"]
PRESENT = [text for text in TEXTS if text is not None]


@pytest.mark.parametrize("model", ["text", "bert", "static"])
def test_vectors_are_those_of_sentence_transformers(model):
    block = PretrainedTextTransformer(model).fit_transform(TEXTS)
    reference = SentenceTransformer(model, device="cpu").encode(PRESENT)
    assert block.kind == "vector"
    assert block.lengths.tolist() == [1, 1, 0, 1, 1]
    assert block.values.dtype == np.float32
    assert_allclose(block.values, reference, atol=1e-6)


def test_tokens_are_the_last_hidden_states_of_transformers():
    import torch
    from transformers import AutoModel, AutoTokenizer

    block = PretrainedTextTransformer("bert", output="tokens").fit_transform(TEXTS)
    model, tokenizer = (
        kind.from_pretrained("bert") for kind in (AutoModel, AutoTokenizer)
    )
    assert block.kind == "sequence"
    present = [sample for sample in block if len(sample.values)]
    for text, sample in zip(PRESENT, present, strict=True):
        with torch.inference_mode():
            states = model(**tokenizer(text, return_tensors="pt")).last_hidden_state
        assert_allclose(sample.values, states[0].numpy(), atol=1e-5)


@pytest.mark.parametrize("output", ["vector", "tokens"])
def test_a_text_does_not_depend_on_its_batch_or_its_padding(output):
    transformer = PretrainedTextTransformer("text", output=output).fit(TEXTS)
    together = transformer.set_params(batch_size=32).transform(TEXTS)
    alone = transformer.set_params(batch_size=1).transform(TEXTS)
    assert_array_equal(together.offsets, alone.offsets)
    assert_allclose(together.values, alone.values, atol=1e-6)


def test_equal_texts_are_encoded_once(monkeypatch):
    seen = []
    encode = SentenceTransformer.encode

    def counting(self, texts, **options):
        seen.extend(texts)
        return encode(self, texts, **options)

    transformer = PretrainedTextTransformer("text").fit(["fox"])
    monkeypatch.setattr(SentenceTransformer, "encode", counting)
    block = transformer.transform(["a cat", "fox", "a cat", "a cat"])
    assert sorted(seen) == ["a cat", "fox"]
    assert_array_equal(block.values[0], block.values[2])


def test_the_texts_of_several_columns_are_joined():
    table = pd.DataFrame({"a": ["red", None, None], "b": ["fox", "bird", None]})
    transformer = PretrainedTextTransformer("text")
    block = transformer.fit_transform(table)
    assert block.lengths.tolist() == [1, 1, 0]
    expected = PretrainedTextTransformer("text").fit_transform(["red fox", "bird"])
    assert_allclose(block.values, expected.values, atol=1e-6)


def test_numbers_are_read_as_text_and_empty_texts_are_missing():
    block = PretrainedTextTransformer("text").fit_transform(["", "  ", "2.5", 2.5])
    assert block.lengths.tolist() == [0, 0, 1, 1]
    assert_array_equal(block.values[0], block.values[1])


def test_longer_texts_are_cut_at_max_tokens():
    transformer = PretrainedTextTransformer("text", output="tokens", max_tokens=4)
    block = transformer.fit_transform(["a red fox and a bird", "fox"])
    assert block.lengths.tolist() == [4, 3]  # with [CLS] and [SEP]
    cut = PretrainedTextTransformer("text", max_tokens=4)
    whole = PretrainedTextTransformer("text")
    assert_allclose(
        cut.fit_transform(["a red fox and a bird"]).values,
        whole.fit_transform(["a red"]).values,
        atol=1e-6,
    )


def test_bfloat16_gives_nearly_the_same_as_float32():
    exact = PretrainedTextTransformer("text").fit_transform(TEXTS).values
    rough = PretrainedTextTransformer("text", precision="bfloat16")
    rough = rough.fit_transform(TEXTS).values
    assert rough.dtype == np.float32
    assert 0 < np.abs(rough - exact).max() < 0.05 * np.abs(exact).max()


def test_features_are_named_by_their_output():
    names = PretrainedTextTransformer("static").fit(TEXTS).get_feature_names_out()
    assert names.tolist() == [f"embedding_{i}" for i in range(8)]
    tokens = PretrainedTextTransformer("bert", output="tokens").fit(TEXTS)
    assert tokens.get_feature_names_out()[[0, 16, 47]].tolist() == [
        "mean_embedding_0",
        "std_embedding_0",
        "max_embedding_15",
    ]


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"output": "tokens"}, "static embeddings give a single vector"),
        ({"max_tokens": 3}, "static embeddings read whole texts"),
    ],
)
def test_what_static_embeddings_cannot_do_is_said(parameters, message):
    with pytest.raises(ValueError, match=message):
        PretrainedTextTransformer("static", **parameters).fit(TEXTS)


def test_a_folder_that_lacks_weights_is_refused():
    from safetensors.numpy import load_file, save_file

    weights = load_file("text/model.safetensors")
    lost = "encoder.layer.0.attention.self.query.weight"
    assert weights.pop(lost) is not None
    save_file(weights, "text/model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ValueError, match="lacks some of its weights"):
        PretrainedTextTransformer("text").fit(TEXTS)


def test_a_model_with_code_of_its_own_is_refused():
    modules = "text/modules.json"
    with open(modules) as file:
        text = file.read()
    types = text.split('"type": "')[1].split('"')[0]
    with open(modules, "w") as file:
        file.write(text.replace(types, "own.Transformer"))
    with open("text/own.py", "w") as file:
        file.write("raise SystemExit('code of the model was run')")
    with pytest.raises(ValueError, match="brings code of its own"):
        PretrainedTextTransformer("text").fit(TEXTS)


def test_weights_as_pickles_are_refused():
    shutil.move("bert/model.safetensors", "bert/pytorch_model.bin")
    with pytest.raises(ValueError, match="only .'pytorch_model.bin'., which may hold"):
        PretrainedTextTransformer("bert").fit(TEXTS)


@pytest.mark.parametrize("on_error", ["raise", "missing"])
def test_a_cell_that_is_no_text_is_named_or_counts_as_missing(on_error):
    transformer = PretrainedTextTransformer("text", on_error=on_error)
    cells = pd.Series(["a fox", b"fox"], name="mine")
    if on_error == "raise":
        with pytest.raises(TypeError, match="column 'mine', row 1: expected text, fou"):
            transformer.fit(cells)
    else:
        with pytest.warns(UserWarning, match="1 of 2 cells could not be read"):
            block = transformer.fit_transform(cells)
        assert block.lengths.tolist() == [1, 0]


@pytest.mark.parametrize(
    ("parameters", "error", "message"),
    [
        ({"model": len}, TypeError, "model must be a folder or the name of a model"),
        ({"output": "mean"}, ValueError, "output must be one of .* found 'mean'"),
        ({"precision": "float16"}, ValueError, "precision must be one of"),
        ({"batch_size": 0}, ValueError, "batch_size must be an integer of at least 1"),
        ({"max_tokens": 0}, ValueError, "max_tokens must be None or an integer"),
        ({"on_error": "drop"}, ValueError, "on_error must be 'raise' or 'missing'"),
    ],
)
def test_parameters_that_cannot_work_are_refused(parameters, error, message):
    with pytest.raises(error, match=message):
        PretrainedTextTransformer(**({"model": "text"} | parameters)).fit(TEXTS)
