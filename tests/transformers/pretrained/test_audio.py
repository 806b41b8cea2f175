import io
import warnings

import numpy as np
import pandas as pd
import pytest
import soundfile
import torch
from numpy.testing import assert_allclose

from sklearn_mm import MultimodalFeatureUnion, PretrainedAudioTransformer


def clips():
    rng = np.random.default_rng(0)
    return [rng.normal(0, 0.1, n).astype(np.float32) for n in (800, 333, 120, 2000)]


# Folders of transformers


@pytest.mark.parametrize("output", ["vector", "tokens"])
def test_a_folder_gives_the_hidden_states_of_transformers(output):
    from transformers import AutoFeatureExtractor, AutoModel

    transformer = PretrainedAudioTransformer("sound", output=output)
    block = transformer.fit_transform([None, *clips()])
    assert transformer.sampling_rate_ == 8000
    extractor = AutoFeatureExtractor.from_pretrained("sound")
    model = AutoModel.from_pretrained("sound").eval()
    for clip, sample in zip(clips(), list(block)[1:], strict=True):
        values = extractor(clip, sampling_rate=8000, return_tensors="pt")
        with torch.inference_mode():
            states = model(values["input_values"]).last_hidden_state[0].numpy()
        expected = states.mean(axis=0)[None] if output == "vector" else states
        assert_allclose(sample.values, expected, atol=1e-5)
    assert block.kind == {"vector": "vector", "tokens": "sequence"}[output]
    assert block.missing.tolist() == [True, False, False, False, False]


def test_a_folder_has_its_own_rate():
    with pytest.raises(ValueError, match="the model reads sound of 8000 Hz"):
        PretrainedAudioTransformer("sound", sampling_rate=16000).fit(clips())


def test_a_clip_too_short_for_the_model_is_named():
    cells = pd.Series([clips()[0], clips()[0][:3]], name="mine", dtype=object)
    transformer = PretrainedAudioTransformer("sound")
    with pytest.raises(ValueError, match="'mine', row 1: the model cannot read .* win"):
        transformer.fit(cells)
    block = transformer.set_params(window=100).fit_transform(cells)
    assert block.lengths.tolist() == [1, 1]


# Windows


def test_windows_of_samples_are_read_one_by_one():
    linear = torch.nn.Linear(100, 4)
    transformer = PretrainedAudioTransformer(
        linear, sampling_rate=8000, window=100, hop_length=50, output="tokens"
    )
    block = transformer.fit_transform(clips())
    assert block.lengths.tolist() == [
        1 + (n - 100) // 50 for n in (800, 333, 120, 2000)
    ]
    windows = torch.from_numpy(clips()[1]).unfold(0, 100, 50)
    with torch.inference_mode():
        expected = linear(windows).numpy()
    assert_allclose(block[1].values, expected, atol=1e-6)
    vectors = transformer.set_params(output="vector").fit_transform(clips())
    assert_allclose(vectors.values[1], expected.mean(axis=0), atol=1e-6)


def test_a_clip_shorter_than_a_window_is_padded_with_silence():
    linear = torch.nn.Linear(100, 4)
    transformer = PretrainedAudioTransformer(linear, sampling_rate=8000, window=100)
    clip = clips()[0][:60]
    padded = np.concatenate([clip, np.zeros(40, dtype=np.float32)])
    block = transformer.fit_transform([clip, padded])
    assert_allclose(block.values[0], block.values[1], atol=1e-6)


# A frontend


def read_constants(name):
    import onnx
    from onnx import numpy_helper

    found = onnx.load(name).graph.initializer
    return {array.name: numpy_helper.to_array(array) for array in found}


def test_windows_of_frames_are_those_computed_by_hand():
    transformer = PretrainedAudioTransformer(
        "embed.onnx",
        frontend="mel.onnx",
        sampling_rate=800,
        mean=0.1,
        std=2.0,
        window=3,
        hop_length=2,
        output="tokens",
    )
    clip = clips()[1]
    block = transformer.fit_transform([None, clip])
    bands = read_constants("mel.onnx")["bands"][:, 0]  # (5, 40)
    kernel = read_constants("embed.onnx")["window"][:, 0]  # (7, 3, 5)
    steps = np.lib.stride_tricks.sliding_window_view(clip, 40)[::20]
    frames = (steps @ bands.T - 0.1) / 2.0  # (n_frames, 5)
    windows = [frames[i : i + 3] for i in range(0, len(frames) - 2, 2)]
    expected = [np.tensordot(kernel, window, 2) for window in windows]
    assert block.lengths.tolist() == [0, len(expected)]
    assert_allclose(block.values, expected, atol=1e-4)


@pytest.mark.parametrize("n_samples", [1, 30, 79])
def test_a_clip_too_short_for_a_window_of_frames_has_one(n_samples):
    transformer = PretrainedAudioTransformer(
        "embed.onnx", frontend="mel.onnx", sampling_rate=800, window=3, output="tokens"
    )
    clip = clips()[0][:n_samples]
    block = transformer.fit_transform([clip, np.pad(clip, (0, 80 - n_samples))])
    assert block.lengths.tolist() == [1, 1]
    assert_allclose(block.values[0], block.values[1], atol=1e-5)


def test_without_a_window_a_clip_too_short_for_the_frontend_is_named():
    transformer = PretrainedAudioTransformer(
        torch.nn.Linear(5, 2), frontend="mel.onnx", sampling_rate=800
    )
    assert transformer.fit_transform(clips()).lengths.tolist() == [1, 1, 1, 1]
    cells = pd.Series([clips()[0], clips()[0][:7]], name="mine", dtype=object)
    with pytest.raises(ValueError, match="'mine', row 1: the frontend makes 0 frames"):
        transformer.transform(cells)


def test_a_frontend_that_gives_no_frames_is_refused():
    transformer = PretrainedAudioTransformer(
        torch.nn.Linear(4, 2), frontend=lambda samples: samples, sampling_rate=8
    )
    with pytest.raises(ValueError, match="the frontend must give frames of shape"):
        transformer.set_params(frontend=lambda x: x.reshape(1, 2, -1, 2)).fit(clips())


# Cells


def test_every_kind_of_cell_gives_the_same_vectors(tmp_path):
    samples = np.round(clips()[0] * 2**15) / 2**15
    path = tmp_path / "clip.wav"
    soundfile.write(path, samples, 8000, subtype="PCM_16")
    content = io.BytesIO(path.read_bytes()).getvalue()
    cells = [
        samples,
        path,
        str(path),
        content,
        (samples, 8000),
        {"array": samples, "sampling_rate": 8000},
        np.stack([samples, samples], axis=1),
        (samples * 2**15).astype(np.int16),
    ]
    block = PretrainedAudioTransformer("sound").fit_transform(cells)
    for vector in block.values[1:]:
        assert_allclose(vector, block.values[0], atol=1e-5)


def test_a_clip_of_another_rate_is_resampled():
    seconds = np.arange(4000) / 8000
    tone = np.sin(2 * np.pi * 200 * seconds).astype(np.float32)
    twice = np.sin(2 * np.pi * 200 * np.arange(8000) / 16000).astype(np.float32)
    linear = torch.nn.Linear(1000, 4)
    transformer = PretrainedAudioTransformer(linear, sampling_rate=8000, window=1000)
    block = transformer.fit_transform([tone, (twice, 16000)])
    assert_allclose(block.values[1], block.values[0], atol=0.02)


# Several clips


@pytest.mark.parametrize("output", ["vector", "tokens"])
@pytest.mark.parametrize("model", ["sound", torch.nn.Linear(100, 4)])
def test_several_clips_of_a_row_are_read_one_by_one(model, output):
    rate, window = (None, None) if model == "sound" else (8000, 100)
    transformer = PretrainedAudioTransformer(
        model, sampling_rate=rate, window=window, output=output
    )
    first, second, third = ((clip, 8000) for clip in clips()[:3])
    apart = transformer.fit_transform([first, second, third])
    cells = pd.Series([[first, None, second], third, [None, (None, 8000)]])
    together = transformer.transform(cells)
    parts = [apart[row].values for row in range(2)]
    expected = np.mean(parts, axis=0) if output == "vector" else np.concatenate(parts)
    assert_allclose(together[0].values, expected, atol=1e-6)
    assert_allclose(together[1].values, apart[2].values, atol=1e-6)
    assert together.missing.tolist() == [False, False, True]


def test_several_columns_are_the_clips_of_a_row():
    transformer = PretrainedAudioTransformer("sound")
    first, second = ((clip, 8000) for clip in clips()[:2])
    lists = transformer.fit_transform(pd.Series([[first, second], [second]]))
    table = pd.DataFrame({"a": [first, None], "b": [second, second]})
    columns = transformer.fit_transform(table)
    assert_allclose(columns.values, lists.values, atol=1e-6)


def test_of_several_clips_the_one_that_cannot_be_read_is_named():
    cells = pd.Series([[(clips()[0], 8000), (clips()[0][:3], 8000)]])
    transformer = PretrainedAudioTransformer("sound")
    with pytest.raises(ValueError, match="row 0: clip 2 of 2: the model cannot read"):
        transformer.fit(cells)
    cells = pd.Series([[(clips()[0], 8000), b"no sound"]])
    with pytest.raises(ValueError, match="row 0: clip 2 of 2: cannot read the sound"):
        transformer.fit(cells)


def test_the_cache_tells_one_clip_from_several(tmp_path):
    transformer = PretrainedAudioTransformer("sound")
    union = MultimodalFeatureUnion([("it", transformer, "it")], memory=tmp_path)
    first, second = ((clip, 8000) for clip in clips()[:2])
    for cell in ([first, second], [first], [first, second]):
        found = union.fit_transform(pd.DataFrame({"it": [cell]}))["it"].values
        expected = transformer.fit_transform(pd.Series([cell])).values
        assert_allclose(found, expected, atol=1e-6)


# Long clips


def test_a_long_clip_that_is_read_at_once_is_cut_with_one_warning():
    noise = np.random.default_rng(0).normal(0, 0.1, 61 * 100).astype(np.float32)

    def encode(cells, **options):
        step = PretrainedAudioTransformer(SumOfSquares(), sampling_rate=100, **options)
        return step.fit_transform(cells).values[:, 0]

    squares = np.square(noise.astype(np.float64))
    with pytest.warns(UserWarning, match="2 of 3 cells are longer .*first 60 s are"):
        found = encode([noise, noise[:6000], noise])
    assert_allclose(found, squares[:6000].sum(), rtol=1e-4)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert_allclose(encode([noise], max_seconds=None), squares.sum(), rtol=1e-4)
        assert_allclose(encode([noise], max_seconds=2), squares[:200].sum(), rtol=1e-4)
        windows = encode([noise], window=100)
    assert_allclose(windows, squares.sum() / 61, rtol=1e-4)


class SumOfSquares(torch.nn.Module):
    def forward(self, samples):
        return samples.square().sum(dim=1, keepdim=True)


def test_clips_without_samples_and_of_only_nan_are_missing():
    cells = [np.zeros(0), np.full(50, np.nan), None, clips()[0]]
    block = PretrainedAudioTransformer("sound").fit_transform(cells)
    assert block.lengths.tolist() == [0, 0, 0, 1]


@pytest.mark.parametrize(
    ("parameters", "error", "message"),
    [
        ({"sampling_rate": None}, ValueError, "sampling_rate must be given"),
        ({"sampling_rate": -1}, ValueError, "sampling_rate must be a positive number"),
        ({"window": None, "hop_length": 5}, ValueError, "give window"),
        ({"window": 0}, ValueError, "window must be None or an integer"),
        ({"std": 0}, ValueError, "std above 0"),
        ({"model": "sound", "frontend": "mel.onnx"}, ValueError, "are for ONNX files"),
        ({"frontend": "vit"}, ValueError, "frontend must be an .onnx file, a module o"),
        ({"frontend": 3}, TypeError, "frontend must be a folder, the name"),
        ({"model": "vit", "sampling_rate": None}, ValueError, "says the sampling_rate"),
    ],
)
def test_parameters_that_cannot_work_are_refused(parameters, error, message):
    given = {"model": torch.nn.Linear(100, 4), "sampling_rate": 8000, "window": 100}
    with pytest.raises(error, match=message):
        PretrainedAudioTransformer(**(given | parameters)).fit(clips())
