import io

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from PIL import Image

from sklearn_mm import ImageTransformer, PretrainedImageTransformer

# Of a model whose folder does not say what it takes.
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
SCALE = {"size": (8, 8), "mean": MEAN, "std": STD}


def photos(n=4, height=20, width=30):
    rng = np.random.default_rng(0)
    return list(rng.integers(0, 256, (n, height, width, 3), dtype=np.uint8))


def scaled(images, size=(8, 8)):
    """Resize and scale by our other transformer and by hand: a tensor."""
    pixels = ImageTransformer(size=size).fit_transform(images).values / 255
    mean, std = (np.reshape(v, (3, 1, 1)) for v in (MEAN, STD))
    return torch.tensor((pixels - mean) / std, dtype=torch.float32)


class Net(torch.nn.Module):
    """Convolution, normalisation over batches, and dropout: which training changes."""

    def __init__(self):
        super().__init__()
        self.convolution = torch.nn.Conv2d(3, 5, 4, stride=4)
        self.norm = torch.nn.BatchNorm2d(5)
        self.dropout = torch.nn.Dropout(0.5)

    def forward(self, x):
        return self.dropout(self.norm(self.convolution(x)))


@pytest.fixture
def net():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return Net()


# Folders of transformers


@pytest.mark.parametrize("name", ["vit", "clip"])
def test_vectors_of_a_folder_are_those_of_transformers(name):
    from transformers import AutoImageProcessor, AutoModel

    images = [*photos(2), photos(1, 40, 17)[0]]
    block = PretrainedImageTransformer(name).fit_transform([images[0], None, *images])
    assert block.kind == "vector"
    assert block.lengths.tolist() == [1, 0, 1, 1, 1]
    processor = AutoImageProcessor.from_pretrained(name, backend="pil")
    pixels = processor(images=images, return_tensors="pt")["pixel_values"]
    model = AutoModel.from_pretrained(name).eval()
    with torch.inference_mode():
        if name == "clip":
            expected = model.get_image_features(pixels).pooler_output
        else:
            expected = model(pixels).pooler_output
    assert_allclose(block.values[1:], expected.numpy(), atol=1e-5)


def test_without_a_pooler_the_vector_is_that_of_the_class_token():
    from transformers import AutoModel

    images = photos()
    block = PretrainedImageTransformer("classifier").fit_transform(images)
    tokens = PretrainedImageTransformer("classifier", output="tokens")
    tokens = tokens.fit_transform(images)
    assert tokens.kind == "sequence"
    assert tokens.lengths.tolist() == [5] * 4  # 2 x 2 patches and the class
    assert_allclose(block.values, tokens.values[::5], atol=1e-6)
    pixels = torch.tensor(
        ImageTransformer(size=(16, 16)).fit_transform(images).values / 255 * 2 - 1
    ).float()
    model = AutoModel.from_pretrained("classifier").eval()
    with torch.inference_mode():
        expected = model(pixels).last_hidden_state.reshape(-1, 16).numpy()
    assert_allclose(tokens.values, expected, atol=0.05)  # levels of pixels differ


def test_a_folder_that_lacks_weights_is_refused():
    from safetensors.numpy import load_file, save_file

    weights = load_file("vit/model.safetensors")
    lost = next(name for name in weights if "attention" in name)
    del weights[lost]
    save_file(weights, "vit/model.safetensors", metadata={"format": "pt"})
    with pytest.raises(
        ValueError, match="lacks 1 weights .* would be random, such as .*attention"
    ):
        PretrainedImageTransformer("vit").fit(photos())


def test_a_model_that_reads_something_else_is_refused():
    transformer = PretrainedImageTransformer("bert", **SCALE)
    with pytest.raises(ValueError, match="BertModel is no model of images: it reads i"):
        transformer.fit(photos())


def test_a_folder_that_does_not_say_what_it_takes_needs_to_be_told():
    import os

    os.remove("vit/preprocessor_config.json")
    with pytest.raises(ValueError, match="has no preprocessor_config.json"):
        PretrainedImageTransformer("vit").fit(photos())
    transformer = PretrainedImageTransformer("vit", size=(16, 16), mean=0.5, std=0.5)
    assert transformer.fit_transform(photos()).token_shape == (16,)


# Modules, callables and ONNX files


def test_vectors_of_a_module_are_the_mean_of_its_map(net):
    images = photos()
    transformer = PretrainedImageTransformer(net, **SCALE)
    block = transformer.fit_transform(images)
    with torch.inference_mode():
        expected = net.eval()(scaled(images)).mean(dim=(2, 3)).numpy()
    assert_allclose(block.values, expected, atol=1e-5)


def test_tokens_of_a_module_are_the_positions_of_its_map_row_by_row(net):
    images = photos()
    transformer = PretrainedImageTransformer(net, output="tokens", **SCALE)
    block = transformer.fit_transform([*images, None])
    assert block.lengths.tolist() == [4, 4, 4, 4, 0]
    with torch.inference_mode():
        maps = net.eval()(scaled(images)).numpy()  # (4, 5, 2, 2)
    assert_allclose(block[2].values[1], maps[2, :, 0, 1], atol=1e-5)
    assert_allclose(block[2].values[2], maps[2, :, 1, 0], atol=1e-5)


def test_a_module_is_left_as_it_is(net):
    net.train()
    before = {name: value.clone() for name, value in net.state_dict().items()}
    PretrainedImageTransformer(net, **SCALE).fit(photos())
    assert all(part.training for part in net.modules())
    assert all(weight.requires_grad for weight in net.parameters())
    for name, value in net.state_dict().items():
        assert torch.equal(value, before[name])


def test_what_becomes_of_the_module_later_does_not_change_a_fitted_transformer(net):
    transformer = PretrainedImageTransformer(net, **SCALE).fit(photos())
    before = transformer.transform(photos())
    with torch.no_grad():
        net.convolution.weight.zero_()
    assert_array_equal(transformer.transform(photos()).values, before.values)


def test_a_callable_gives_what_it_computes():
    def brightness(batch):  # (n, 3, height, width)
        return batch.mean(axis=(2, 3))

    block = PretrainedImageTransformer(brightness, **SCALE).fit_transform(photos())
    expected = scaled(photos()).mean(dim=(2, 3)).numpy()
    assert_allclose(block.values, expected, atol=1e-5)


@pytest.mark.parametrize("name", ["image.onnx", "channels_last.onnx"])
def test_vectors_of_an_onnx_file_are_those_of_its_convolution(name):
    import onnx
    from onnx import numpy_helper

    (kernel,) = onnx.load(name).graph.initializer
    kernel = torch.tensor(numpy_helper.to_array(kernel))
    block = PretrainedImageTransformer(name, **SCALE).fit_transform(photos())
    maps = torch.nn.functional.conv2d(scaled(photos()), kernel, stride=4)
    assert_allclose(block.values, maps.mean(dim=(2, 3)).numpy(), atol=1e-4)


def test_a_graph_that_scales_by_the_batch_gives_each_image_the_same_alone():
    images = [*photos(), np.zeros((8, 8, 3), dtype=np.uint8)]
    transformer = PretrainedImageTransformer("quantized.onnx", **SCALE).fit(images)
    together = transformer.transform(images).values
    alone = [transformer.transform([image]).values[0] for image in images]
    assert_array_equal(together, alone)


def test_a_model_that_draws_random_numbers_is_refused():
    class Noisy(torch.nn.Module):
        def forward(self, x):
            return torch.nn.functional.dropout(x, 0.5, training=True)

    with pytest.raises(ValueError, match="something else each time for the same cell"):
        PretrainedImageTransformer(Noisy(), **SCALE).fit(photos())


@pytest.mark.parametrize(
    ("compute", "output", "message"),
    [
        (lambda batch: batch[:, 0, 0, 0], "vector", "features for each of the 1 rows"),
        (lambda batch: batch[:0, 0, 0], "vector", "features for each of the 1 rows"),
        (lambda batch: batch[..., None], "vector", r"must give features of shape \(n"),
        (lambda batch: batch[:, :, 0, 0], "tokens", "gives a single vector of each"),
        (lambda batch: batch[:, :, 0, 0] * np.nan, "vector", "NaN or infinite"),
    ],
)
def test_what_is_no_features_is_refused(compute, output, message):
    with pytest.raises(ValueError, match=message):
        PretrainedImageTransformer(compute, output=output, **SCALE).fit(photos())


# Cells


def test_every_kind_of_cell_gives_the_same_vector(net, tmp_path):
    pixels = photos(1)[0]
    content = io.BytesIO()
    Image.fromarray(pixels).save(content, "PNG")
    path = tmp_path / "photo.png"
    path.write_bytes(content.getvalue())
    cells = [str(path), path, content.getvalue(), Image.fromarray(pixels), pixels / 255]
    transformer = PretrainedImageTransformer(net, **SCALE)
    block = transformer.fit_transform(pd.Series([pixels, *cells], dtype=object))
    for vector in block.values[1:]:
        assert_allclose(vector, block.values[0], atol=1e-6)


def test_the_range_of_other_numbers_is_learned_from_the_training_cells(net):
    images = [image.astype(np.float64) * 2 - 100 for image in photos()]
    transformer = PretrainedImageTransformer(net, **SCALE).fit(images)
    low = min(image.min() for image in images)
    high = max(image.max() for image in images)
    assert transformer.value_range_ == (low, high)
    given = PretrainedImageTransformer(net, value_range=(low, high), **SCALE)
    assert_allclose(
        transformer.transform(images[:2]).values,
        given.fit_transform(images[:2]).values,
        atol=1e-6,
    )


def test_an_image_does_not_depend_on_its_batch(net):
    transformer = PretrainedImageTransformer(net, **SCALE).fit(photos())
    together = transformer.transform(photos(7)).values
    alone = transformer.set_params(batch_size=1).transform(photos(7)).values
    assert_allclose(together, alone, atol=1e-6)


def test_threads_change_nothing(net):
    transformer = PretrainedImageTransformer(net, **SCALE).fit(photos())
    expected = transformer.transform([*photos(7), None]).values
    found = transformer.set_params(n_jobs=2).transform([*photos(7), None]).values
    assert_array_equal(found, expected)


def test_a_broken_cell_is_named(net):
    cells = pd.Series([photos()[0], "lost.png"], name="mine", dtype=object)
    with pytest.raises(ValueError, match="column 'mine', row 1: .*lost.png"):
        PretrainedImageTransformer(net, **SCALE).fit(cells)


@pytest.mark.parametrize(
    ("parameters", "error", "message"),
    [
        ({"size": None, "mean": None, "std": None}, ValueError, "size, mean and std"),
        ({"std": None}, ValueError, r"found only \['size', 'mean'\]"),
        ({"size": 8}, ValueError, "size must be 2 positive integers, found 8"),
        ({"mean": (0.5, 0.5)}, ValueError, "mean must be 1 or 3 numbers"),
        ({"std": 0}, ValueError, "std must be 1 or 3 positive numbers, found 0"),
        ({"value_range": (1, 0)}, ValueError, r"value_range must be \(black, white\)"),
        ({"model": 3}, TypeError, "model must be a folder, the name of a model on the"),
        ({"model": "image.onnx", "precision": "bfloat16"}, ValueError, "has its own"),
        ({"model": "lost.onnx"}, ValueError, "there is no ONNX file 'lost.onnx'"),
        ({"model": "mel.onnx"}, RuntimeError, "the ONNX graph failed"),
    ],
)
def test_parameters_that_cannot_work_are_refused(net, parameters, error, message):
    with pytest.raises(error, match=message):
        PretrainedImageTransformer(**({"model": net} | SCALE | parameters)).fit(
            photos()
        )


# Several images of one row


def test_vectors_of_several_images_of_a_cell_are_averaged(net):
    first, second, third = photos(3)
    step = PretrainedImageTransformer(net, **SCALE)
    block = step.fit_transform(column([[first, None, second], third, []]))
    alone = step.fit_transform(column([first, second, third])).values
    assert block.lengths.tolist() == [1, 1, 0]
    expected = np.stack([(alone[0] + alone[1]) / 2, alone[2]])
    assert_allclose(block.values, expected, rtol=1e-5)


def test_tokens_of_several_images_stand_one_after_the_other(net):
    first, second = photos(2)
    step = PretrainedImageTransformer(net, output="tokens", batch_size=1, **SCALE)
    block = step.fit_transform(column([[first, second]]))
    alone = step.fit_transform(column([first, second]))
    assert block.lengths.tolist() == [8]
    assert_allclose(block.values, alone.values, rtol=1e-5)


def test_several_columns_are_the_images_of_a_row(net):
    first, second = photos(2)
    step = PretrainedImageTransformer(net, **SCALE)
    table = pd.DataFrame({"a": column([first, None]), "b": column([second, second])})
    expected = step.fit_transform(column([[first, second], second])).values
    assert_array_equal(step.fit_transform(table).values, expected)


def test_several_images_of_floats_wait_for_the_range_of_all(net):
    first, second = photos(2)
    step = PretrainedImageTransformer(net, **SCALE)
    found = step.fit_transform(column([[first / 255, second], second / 255])).values
    expected = step.fit_transform(column([[first, second], second])).values
    assert_allclose(found, expected, atol=0.02)


def test_of_several_images_the_broken_one_is_named(net):
    step = PretrainedImageTransformer(net, **SCALE)
    with pytest.raises(ValueError, match="row 0: image 2 of 2: "):
        step.fit(column([[photos(1)[0], b"no image"]]))


def column(cells):
    """Make a column, whose cells may be lists."""
    series = pd.Series([None] * len(cells), dtype=object)
    for row, cell in enumerate(cells):
        series.iat[row] = cell
    return series
