"""Tiny models with random weights, of every kind that is taken.

They lie in the working folder of each test, so that a test may name them, and have the
same name, in every process.
"""

import shutil

import numpy as np
import pytest
import torch

WORDS = ["a", "the", "red", "fox", "and", "blue", "bird", "cat", "two", "tax", "form"]


@pytest.fixture(scope="session")
def tiny_models(tmp_path_factory):
    """Write the models: a folder with folders and ONNX files."""
    pytest.importorskip("sentence_transformers", reason="needs the extra 'pretrained'")
    pytest.importorskip("onnxruntime", reason="needs the extra 'onnx'")
    home = tmp_path_factory.mktemp("models")
    with torch.random.fork_rng():
        torch.manual_seed(0)
        write_text_models(home)
        write_image_models(home)
        write_sound_model(home / "sound")
    write_graphs(home)
    return home


@pytest.fixture(autouse=True)
def in_a_folder_of_tiny_models(tiny_models, tmp_path, monkeypatch):
    """Work in a folder of the test's own that holds copies of them."""
    folder = tmp_path / "models"
    shutil.copytree(tiny_models, folder)
    monkeypatch.chdir(folder)


def write_text_models(home):
    """Write a folder of transformers, one of sentence-transformers, and one static."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import StaticEmbedding
    from transformers import BertConfig, BertModel, BertTokenizer

    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS]
    tokenizer = BertTokenizer(vocab={word: i for i, word in enumerate(words)})
    tokenizer.save_pretrained(home / "bert")
    BertModel(
        BertConfig(
            vocab_size=len(words),
            hidden_size=16,
            num_hidden_layers=2,
            num_attention_heads=2,
            intermediate_size=32,
            max_position_embeddings=32,
        )
    ).save_pretrained(home / "bert")
    SentenceTransformer(str(home / "bert"), device="cpu").save(str(home / "text"))
    static = StaticEmbedding(tokenizer.backend_tokenizer, embedding_dim=8)
    SentenceTransformer(modules=[static], device="cpu").save(str(home / "static"))


def write_image_models(home):
    """Write vision transformers with a pooler and without, and one with texts."""
    from transformers import (
        CLIPConfig,
        CLIPModel,
        ViTConfig,
        ViTForImageClassification,
        ViTModel,
    )

    try:
        from transformers.models.clip.image_processing_pil_clip import (
            CLIPImageProcessorPil,
        )
        from transformers.models.vit.image_processing_pil_vit import (
            ViTImageProcessorPil,
        )
    except ImportError:  # before transformers 5.4
        from transformers import CLIPImageProcessor as CLIPImageProcessorPil
        from transformers import ViTImageProcessor as ViTImageProcessorPil

    size = {
        "hidden_size": 16,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "intermediate_size": 32,
        "image_size": 16,
        "patch_size": 8,
    }
    ViTModel(ViTConfig(**size)).save_pretrained(home / "vit")
    ViTForImageClassification(ViTConfig(**size)).save_pretrained(home / "classifier")
    for name in ("vit", "classifier"):
        processor = ViTImageProcessorPil(size={"height": 16, "width": 16})
        processor.save_pretrained(home / name)
    text = size | {"vocab_size": 20, "max_position_embeddings": 8}
    config = CLIPConfig(text_config=text, vision_config=size, projection_dim=12)
    CLIPModel(config).save_pretrained(home / "clip")
    CLIPImageProcessorPil(
        size={"shortest_edge": 18}, crop_size={"height": 16, "width": 16}
    ).save_pretrained(home / "clip")


def write_sound_model(folder):
    """Write a model that reads samples, of which a token stands for 4."""
    from transformers import Wav2Vec2Config, Wav2Vec2FeatureExtractor, Wav2Vec2Model

    Wav2Vec2Model(
        Wav2Vec2Config(
            hidden_size=16,
            num_hidden_layers=1,
            num_attention_heads=2,
            intermediate_size=32,
            conv_dim=(8, 8),
            conv_kernel=(4, 2),
            conv_stride=(2, 2),
            num_conv_pos_embeddings=4,
            num_conv_pos_embedding_groups=2,
            feat_extract_norm="layer",
        )
    ).save_pretrained(folder)
    Wav2Vec2FeatureExtractor(sampling_rate=8000).save_pretrained(folder)


def write_graphs(home):
    """Write ONNX files: of images, of frames of sound, and one scaled by the batch."""
    rng = np.random.default_rng(0)
    kernel = rng.normal(size=(6, 3, 4, 4)).astype(np.float32)
    write_graph(
        home / "image.onnx",
        [("Conv", ["x", "kernel"], ["map"], {"strides": [4, 4]})],
        ["n", 3, 8, 8],
        {"kernel": kernel},
    )
    last = [
        ("Transpose", ["x"], ["first"], {"perm": [0, 3, 1, 2]}),
        ("Conv", ["first", "kernel"], ["map"], {"strides": [4, 4]}),
    ]
    write_graph(home / "channels_last.onnx", last, ["n", 8, 8, 3], {"kernel": kernel})
    # Frames of 40 samples every 20, as 5 numbers.
    bands = rng.normal(size=(5, 1, 40)).astype(np.float32)
    mel = [
        ("Unsqueeze", ["x", "one"], ["clip"], {}),
        ("Conv", ["clip", "bands"], ["channels"], {"strides": [20]}),
        ("Transpose", ["channels"], ["frames"], {"perm": [0, 2, 1]}),
    ]
    constants = {"one": np.array([1]), "bands": bands}
    write_graph(home / "mel.onnx", mel, ["n", "samples"], constants)
    window = rng.normal(size=(7, 3, 5, 1)).transpose(0, 3, 1, 2).astype(np.float32)
    embed = [
        ("Transpose", ["x"], ["first"], {"perm": [0, 3, 1, 2]}),
        ("Conv", ["first", "window"], ["map"], {}),
        ("Transpose", ["map"], ["y"], {"perm": [0, 2, 3, 1]}),
    ]
    write_graph(home / "embed.onnx", embed, ["n", 3, 5, 1], {"window": window})
    scaled = [
        ("DynamicQuantizeLinear", ["x"], ["q", "scale", "zero"], {}),
        ("DequantizeLinear", ["q", "scale", "zero"], ["dq"], {}),
        ("Conv", ["dq", "kernel"], ["map"], {"strides": [4, 4]}),
    ]
    write_graph(home / "quantized.onnx", scaled, ["n", 3, 8, 8], {"kernel": kernel})


def write_graph(path, nodes, shape, constants):
    """Write an ONNX file of one input "x", from its nodes."""
    onnx = pytest.importorskip("onnx", reason="makes the graphs of the tests")
    from onnx import TensorProto, helper, numpy_helper

    made = [
        helper.make_node(op, inputs, outputs, **attributes)
        for op, inputs, outputs, attributes in nodes
    ]
    output = nodes[-1][2][0]
    graph = helper.make_graph(
        made,
        "tiny",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info(output, TensorProto.FLOAT, None)],
        [numpy_helper.from_array(array, name) for name, array in constants.items()],
    )
    opset = [helper.make_opsetid("", 17)]
    onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=8), path)
