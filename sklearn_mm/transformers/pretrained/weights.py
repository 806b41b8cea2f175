"""Where the weights of a model come from, their hash, and their format.

A model is a folder with safetensors, an ONNX file, or an object of the user: a
``torch.nn.Module`` or a callable. Files are read by formats that hold numbers and no
code, so nothing that a model brings along is run.
"""

import hashlib
import importlib
import os
import re
import sys
import tempfile
from contextlib import contextmanager, nullcontext
from functools import lru_cache
from pathlib import Path

# Files of a folder that decide what it computes. Tokenizers of the old kind are files
# of their own where there is no tokenizer.json.
SETTINGS = (
    "config.json",
    "config_sentence_transformers.json",
    "modules.json",
    "preprocessor_config.json",
    "processor_config.json",
    "sentence_bert_config.json",
    "tokenizer.json",
    "tokenizer_config.json",
)
OLD_TOKENIZERS = ("vocab.txt", "vocab.json", "merges.txt", "*.model")
WEIGHTS = "model*.safetensors"

# What is fetched, and what a pickle holds of a folder that it stores.
PATTERNS = (WEIGHTS, "*.json", "*.txt", "*.model")

# Formats in which weights come with code, or as pickles.
REFUSED = ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.pkl", "*.h5", "*.msgpack")

HUB_NAME = re.compile(r"\w[\w.-]*(/\w[\w.-]*)?")


def import_library(module, extra):
    """Import what an extra brings.

    Parameters
    ----------
    module : str
        Its name.
    extra : str
        Which of ours brings it.

    Returns
    -------
    module

    Raises
    ------
    ImportError
        If it is not installed, with what to do.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise ImportError(
            f"this model needs {module}, which could not be imported ({error}). "
            f"Install the extra: pip install 'sklearn-mm[{extra}]'"
        ) from error


def is_module(model):
    """Tell whether a model is a ``torch.nn.Module``."""
    torch = sys.modules.get("torch")  # where it is not loaded there is no module
    return torch is not None and isinstance(model, torch.nn.Module)


def is_name(model):
    """Tell whether a model is the path or the name of one, and no object."""
    return isinstance(model, str | Path)


def is_graph(model):
    """Tell whether a model is the path of an ONNX file."""
    return is_name(model) and str(model).endswith(".onnx")


def check_model(name, model):
    """Refuse what is no model.

    Parameters
    ----------
    name : str
        Of the parameter.
    model : object
        What was given.

    Raises
    ------
    TypeError
        If it is neither the name of a model nor one itself.
    """
    if not is_name(model) and not callable(model):
        raise TypeError(
            f"{name} must be a folder, the name of a model on the hub, an .onnx file, "
            f"a torch.nn.Module or a callable, found {model!r:.200}"
        )


def find_files(model, *, download=False):
    """Find the files of a model on this machine.

    Parameters
    ----------
    model : str or Path
        A folder, an ONNX file, or a name on the Hugging Face hub.
    download : bool, default=False
        Whether files of the hub that are not in its cache are fetched.

    Returns
    -------
    Path
        Of the folder or the ONNX file.

    Raises
    ------
    ValueError
        If it is not there, or its weights are in none of the formats.
    """
    path = Path(model).expanduser()
    if is_graph(model):
        if not path.is_file():
            raise ValueError(
                f"there is no ONNX file {str(model)!r}{_below(path)}. Put it there, or "
                "give the path where it is"
            )
        return path
    if not path.is_dir():
        path = _find_in_hub(model, download)
    if next(path.rglob(WEIGHTS), None) is None:
        others = sorted(p.name for pattern in REFUSED for p in path.rglob(pattern))
        found = f", only {others[:3]}, which may hold code" if others else ""
        raise ValueError(
            f"the folder {str(path)!r} holds no weights as {WEIGHTS}{found}. Save the "
            "model anew with save_pretrained(folder), which writes safetensors"
        )
    return path


def _below(path):
    """Say where relative paths begin."""
    return "" if path.is_absolute() else f" (relative paths begin at {os.getcwd()!r})"


def _find_in_hub(model, download):
    """Find the folder of a model of the hub in the cache of the hub, or fetch it."""
    name = str(model)
    if isinstance(model, Path) or not HUB_NAME.fullmatch(name):
        raise ValueError(
            f"there is no folder {name!r}{_below(Path(name))}, and it is no name on "
            "the hub either"
        )
    import huggingface_hub

    try:
        return Path(
            huggingface_hub.snapshot_download(
                name, allow_patterns=list(PATTERNS), local_files_only=not download
            )
        )
    except Exception as error:  # of the network, the hub, or that it is not there
        wanted = " ".join(f"--include '{pattern}'" for pattern in PATTERNS)
        advice = (
            f"Check the name and the connection: {error}"
            if download
            else "Nothing is fetched unless you say so: set download=True once, or run "
            f"`hf download {name} {wanted}` on a machine with a connection and give "
            "the folder that it prints"
        )
        raise ValueError(
            f"the model {name!r} is neither a folder{_below(Path(name))} nor in the "
            f"cache of the hub on this machine. {advice}"
        ) from error


def hash_files(path):
    """Compute the SHA-256 of a model's files.

    Parameters
    ----------
    path : Path
        An ONNX file, with what lies beside it under its name, or a folder, of which
        weights, settings and tokenizer count, and no papers that come along.

    Returns
    -------
    str
        In hexadecimal; of each file the name and the content count.
    """
    digest = hashlib.sha256()
    for name, file in sorted(_files(path).items()):
        digest.update(f"{name} {_hash_file(file, _state(file))}\n".encode())
    return digest.hexdigest()


def read_files(path):
    """Read all that is needed to load a model elsewhere.

    Parameters
    ----------
    path : Path
        As in `hash_files`.

    Returns
    -------
    dict of str to bytes
        Contents by name.
    """
    files = _files(path)
    if path.is_dir():
        for pattern in PATTERNS:
            files |= {str(file.relative_to(path)): file for file in path.rglob(pattern)}
    return {name: file.read_bytes() for name, file in files.items()}


@contextmanager
def written(files):
    """Write files that `read_files` read, for as long as the block runs.

    Parameters
    ----------
    files : dict of str to bytes
        Contents by name.

    Yields
    ------
    Path
        Of the folder, or of the ONNX file.
    """
    with tempfile.TemporaryDirectory() as folder:
        for name, content in files.items():
            file = Path(folder, name)
            if not file.resolve().is_relative_to(Path(folder).resolve()):
                raise ValueError(f"the pickle holds a file outside its folder: {name}")
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
        graph = next((name for name in files if name.endswith(".onnx")), "")
        yield Path(folder, graph)


def files_of(model, stored):
    """Give the files of a model in a block: those that came with a pickle, or its own.

    Parameters
    ----------
    model : str or Path
        As in `find_files`. What is fetched has been fetched before, to be hashed.
    stored : dict of str to bytes, or None
        From `read_files`.

    Returns
    -------
    context manager of Path
    """
    if stored is not None:
        return written(stored)
    return nullcontext(find_files(model))


def _files(path):
    """List the files that decide what a model computes: paths by names."""
    if path.is_file():
        beside = path.parent.glob(f"{_escape(path.name)}?data")
        return {file.name: file for file in (path, *beside)}
    patterns = [WEIGHTS, *SETTINGS]
    if not (path / "tokenizer.json").exists():
        patterns += OLD_TOKENIZERS
    found = (file for pattern in patterns for file in path.rglob(pattern))
    return {file.relative_to(path).as_posix(): file for file in found}


def _escape(name):
    return re.sub(r"([*?[])", r"[\1]", name)


def _state(file):
    status = file.stat()
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino


@lru_cache(maxsize=256)
def _hash_file(file, state):
    """Compute the hash of a file, once as long as it stays as it is."""
    with open(file, "rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()
