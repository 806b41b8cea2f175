"""Models of the transformers library that read images or sound, from a folder."""

import json

import numpy as np

from sklearn_mm.transformers.pretrained.engines import (
    choose_device,
    quiet_loading,
    to_array,
)
from sklearn_mm.transformers.pretrained.weights import import_library

# What models take, and of those that also read texts, their half: how it is called for
# a vector, and what it is.
INPUTS = {
    "images": ("pixel_values",),
    "sound": ("input_values", "input_features"),
}
HALVES = {
    "images": ("get_image_features", "vision_model"),
    "sound": ("get_audio_features", "audio_model"),
}


class FolderEngine:
    """Run a model of transformers on what its own processor makes of cells.

    Parameters
    ----------
    folder : Path
        With weights as safetensors and settings.
    cells : {"images", "sound"}
        What the model is to read.
    output : {"vector", "tokens"}
        What is asked for.
    device : str
        As PyTorch calls it.
    precision : {"float32", "bfloat16"}
        Of weights and what is computed.
    """

    def __init__(self, folder, cells, output, device, precision):
        library = import_library("transformers", "pretrained")
        import torch

        self.output = output
        self.device, self.dtype = choose_device(device), getattr(torch, precision)
        with quiet_loading():
            model, found = library.AutoModel.from_pretrained(
                str(folder),
                local_files_only=True,
                trust_remote_code=False,
                use_safetensors=True,
                dtype=self.dtype,
                output_loading_info=True,
            )
        lacking = {*found["missing_keys"], *found["mismatched_keys"]}
        # A model that was trained with another head on has none of its own.
        self.has_pooler = not any(map(_is_of_pooler, lacking))
        lacking = sorted(key for key in map(str, lacking) if not _is_of_pooler(key))
        if lacking:
            raise ValueError(
                f"the folder {str(folder)!r} lacks {len(lacking)} weights of the "
                f"model, which would be random, such as {lacking[0]}"
            )
        # Of what makes texts of sound only the first half is run.
        if model.config.is_encoder_decoder:
            model = model.get_encoder()
        self.vector, self.half = HALVES[cells]
        self.input = _find_input(model, cells, hasattr(model, self.vector))
        self.model = model.eval().requires_grad_(False).to(self.device)
        names = (name for name, _ in model.named_parameters())
        self.has_first_token = any(name.endswith("cls_token") for name in names)

    def __call__(self, batch):
        """Compute on (n, ...) of float32: (n, d), or (n, steps, d), or a map."""
        import torch

        # Some models draw random numbers in evaluation, too, of which they use none.
        with torch.inference_mode(), torch.random.fork_rng(devices=[]):
            tensor = torch.from_numpy(batch).to(self.device, self.dtype)
            return self._read_output(self._run(tensor))

    def _run(self, tensor):
        run = self.model
        if hasattr(run, self.vector):
            name = self.vector if self.output == "vector" else self.half
            run = getattr(run, name)
        return run(**{self.input: tensor})

    def _read_output(self, found):
        """Take the vector that the model makes, or else its tokens."""
        if self.output == "tokens":
            return to_array(found)
        if hasattr(found, "detach"):
            return to_array(found)
        pooled = getattr(found, "pooler_output", None)
        if pooled is not None and self.has_pooler:
            pooled = to_array(pooled)
            return pooled.reshape(len(pooled), -1)
        tokens = to_array(found)
        return tokens[:, 0] if self.has_first_token else tokens


def load_image_processor(folder):
    """Load what brings images to the size and the numbers that a model takes.

    Parameters
    ----------
    folder : Path
        Of the model.

    Returns
    -------
    callable from ndarray (height, width, 1|3) of uint8 to ndarray (3, h, w) of float32

    Raises
    ------
    ValueError
        If the folder does not say what the model takes.
    """
    library = import_library("transformers", "pretrained")
    names = ("preprocessor_config.json", "processor_config.json")
    if not any((folder / name).exists() for name in names):
        raise ValueError(
            f"the folder {str(folder)!r} has no {names[0]}, which says what images the "
            "model takes: give size, mean and std"
        )
    with quiet_loading():
        processor = library.AutoImageProcessor.from_pretrained(
            str(folder), local_files_only=True, trust_remote_code=False, backend="pil"
        )

    def process(pixels):
        if pixels.shape[2] == 1:
            pixels = pixels.repeat(3, axis=2)
        found = processor(
            images=[pixels], return_tensors="np", input_data_format="channels_last"
        )
        return np.asarray(found["pixel_values"][0], dtype=np.float32)

    return process


def read_sampling_rate(folder, wanted):
    """Read the rate at which a model of sound was trained.

    Parameters
    ----------
    folder : Path
        Of the model.
    wanted : float or None
        Hertz; what the user asks for.

    Returns
    -------
    float
        Hertz.

    Raises
    ------
    ValueError
        If the folder does not say, or the user asks for another rate.
    """
    settings = {}
    for name in ("processor_config.json", "preprocessor_config.json"):
        if (folder / name).exists():
            settings |= json.loads((folder / name).read_text(encoding="utf-8"))
    settings |= settings.get("feature_extractor") or {}
    rate = settings.get("sampling_rate")
    if rate is None:
        raise ValueError(
            f"the folder {str(folder)!r} has no preprocessor_config.json that says the "
            "sampling_rate of its model. Save it anew with its feature extractor"
        )
    if wanted not in (None, rate):
        raise ValueError(
            f"sampling_rate={wanted!r}, but the model reads sound of {rate} Hz. "
            "Leave sampling_rate=None: clips of other rates are resampled"
        )
    return rate


def load_sound_processor(folder, sampling_rate):
    """Load what brings samples to the numbers that a model takes.

    Parameters
    ----------
    folder : Path
        Of the model.
    sampling_rate : float
        Hertz; that of the model.

    Returns
    -------
    callable from ndarray (n_samples,) to ndarray of float32
    """
    library = import_library("transformers", "pretrained")
    with quiet_loading():
        extractor = library.AutoFeatureExtractor.from_pretrained(
            str(folder), local_files_only=True, trust_remote_code=False
        )
    name = extractor.model_input_names[0]

    def process(samples):
        found = extractor(samples, sampling_rate=sampling_rate, return_tensors="np")
        return np.asarray(found[name][0], dtype=np.float32)

    return process


def _find_input(model, cells, has_half):
    """Find the name of what a model takes; raise where it reads no such cells."""
    names = INPUTS[cells]
    if has_half:
        return names[-1]
    if model.main_input_name not in names:
        raise ValueError(
            f"{type(model).__name__} is no model of {cells}: it reads "
            f"{model.main_input_name}"
        )
    return model.main_input_name


def _is_of_pooler(key):
    return "pooler" in str(key).split(".")
