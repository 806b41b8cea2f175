"""What runs a model: PyTorch, ONNX Runtime, or a callable of the user.

An engine is called with a batch as a float32 array, and gives an array of float32 with
the same rows.
"""

from contextlib import contextmanager
from copy import deepcopy

import numpy as np

from sklearn_mm.transformers.pretrained.weights import (
    files_of,
    import_library,
    is_graph,
    is_module,
)

PRECISIONS = ("float32", "bfloat16")

# The operation by which a graph scales its numbers by the largest of the batch.
BY_BATCH = b"DynamicQuantizeLinear"


def load_engine(model, *, stored, device, precision):
    """Load what runs an ONNX file, a module or a callable.

    Parameters
    ----------
    model : str, Path, torch.nn.Module or callable
        No folder.
    stored : dict of str to bytes, or None
        Files that came with a pickle.
    device : str
        As PyTorch calls it.
    precision : {"float32", "bfloat16"}
        For modules.

    Returns
    -------
    callable from ndarray to ndarray
    """
    if is_module(model):
        return ModuleEngine(model, device, precision)
    if precision != "float32":
        raise ValueError(
            f"precision={precision!r} is for models of PyTorch: an ONNX file has its "
            "own, and so has a callable"
        )
    if is_graph(model):
        with files_of(model, stored) as path:
            return GraphEngine(path, device)
    return CallableEngine(model)


def choose_device(device):
    """Choose a GPU where there is one for ``"auto"``, else what was asked for."""
    import torch

    if device != "auto":
        return device
    return "cuda" if torch.cuda.is_available() else "cpu"


@contextmanager
def quiet_loading():
    """Load by transformers without its bars, and without a trace in random states.

    Weights that are in no file are drawn at random; here each time others, so that it
    shows. A model that asks for code of its own is refused.
    """
    import torch
    from transformers.utils import logging

    verbosity, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.seed()
            yield
    except ValueError as error:
        if "trust_remote_code" not in str(error):
            raise
        raise ValueError(
            "the model brings code of its own, which is never run here: take another, "
            "or one that its authors have given to the transformers library"
        ) from error
    finally:
        logging.set_verbosity(verbosity)
        if bars:
            logging.enable_progress_bar()


class ModuleEngine:
    """Run a copy of a module in evaluation mode; the user's own stays as it is."""

    def __init__(self, module, device, precision):
        import torch

        self.device = choose_device(device)
        self.dtype = getattr(torch, precision)
        module = deepcopy(module).eval().requires_grad_(False)
        self.module = module.to(device=self.device, dtype=self.dtype)

    def __call__(self, batch):
        """Compute on (n, ...) of float32, without gradients."""
        import torch

        with torch.inference_mode():
            tensor = torch.from_numpy(batch).to(self.device, self.dtype)
            return to_array(self.module(tensor))


class GraphEngine:
    """Run an ONNX graph of one input; of its outputs the first is taken."""

    def __init__(self, path, device):
        runtime = import_library("onnxruntime", "onnx")
        import torch

        options = runtime.SessionOptions()
        # It would take every core, whatever else runs.
        options.intra_op_num_threads = torch.get_num_threads()
        options.inter_op_num_threads = 1
        options.log_severity_level = 4  # errors are raised
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        provider = "CPUExecutionProvider"
        if choose_device(device).startswith("cuda"):
            available = "CUDAExecutionProvider" in runtime.get_available_providers()
            provider = "CUDAExecutionProvider" if available else provider
            if not available and device != "auto":
                raise ValueError(
                    f"device={device!r}, but this onnxruntime runs on the CPU only: "
                    "install onnxruntime-gpu, or set device='cpu'"
                )
        try:
            self.session = runtime.InferenceSession(
                str(path), options, providers=[provider]
            )
        except Exception as error:  # classes of its own
            raise ValueError(f"cannot load the ONNX file {path.name!r}: {error}") from (
                error
            )
        inputs = self.session.get_inputs()
        if len(inputs) != 1 or inputs[0].type != "tensor(float)":
            found = [f"{i.name}: {i.type}" for i in inputs]
            raise ValueError(
                f"the ONNX file {path.name!r} must have one input of float32, found "
                f"{found}"
            )
        self.input = inputs[0]
        rows = self.input.shape[0] if self.input.shape else None
        by_batch = BY_BATCH in path.read_bytes()
        if isinstance(rows, int) and rows != 1:
            raise ValueError(
                f"the ONNX file {path.name!r} takes exactly {rows} rows at once. "
                "Export it with a dynamic first axis"
            )
        # Row by row too where numbers are scaled by the batch: a prediction must not
        # depend on the rows beside it.
        self.row_by_row = rows == 1 or by_batch

    def __call__(self, batch):
        """Compute on (n, ...) of float32."""
        batch = self._shaped(batch)
        parts = np.split(batch, len(batch)) if self.row_by_row else [batch]
        name = self.input.name
        try:
            outputs = [self.session.run(None, {name: part})[0] for part in parts]
        except Exception as error:  # classes of its own
            raise RuntimeError(f"the ONNX graph failed: {error}") from error
        return np.concatenate(outputs).astype(np.float32, copy=False)

    def _shaped(self, batch):
        """Give the batch the axes of length 1, or channels at the end, of the input."""
        shape = self.input.shape
        if batch.ndim == 4 and len(shape) == 4:
            channels, last = batch.shape[1], shape[3]
            if last == channels and shape[1] != channels:
                return np.ascontiguousarray(np.moveaxis(batch, 1, -1))
        axes = [axis for axis, n in enumerate(shape) if n == 1 and axis > 0]
        n_lacking = len(shape) - batch.ndim
        if 0 < n_lacking <= len(axes):
            return np.expand_dims(batch, tuple(axes[-n_lacking:]))
        return batch


class CallableEngine:
    """Run a callable of the user, from float32 to float32."""

    def __init__(self, function):
        self.function = function

    def __call__(self, batch):
        """Compute on (n, ...) of float32."""
        return to_array(self.function(batch))


def to_array(output):
    """Take what a model gave as an array of float32.

    Parameters
    ----------
    output : tensor, ndarray, model output of transformers, or tuple
        Of a tuple the first is taken; of a model output ``last_hidden_state``.

    Returns
    -------
    ndarray of float32
    """
    if hasattr(output, "last_hidden_state"):
        output = output.last_hidden_state
    if isinstance(output, tuple | list) and output:
        output = output[0]
    if hasattr(output, "detach"):
        output = output.detach().float().cpu().numpy()
    if not isinstance(output, np.ndarray):
        raise TypeError(
            "the model must give an array or a tensor, found "
            f"{type(output).__name__}. Wrap it in a module that returns one of its "
            "outputs"
        )
    return output.astype(np.float32, copy=False)


def check_rows(features, n_rows):
    """Check that a model gave features for each row of a batch, and give them back."""
    if features.ndim < 2 or len(features) != n_rows:
        raise ValueError(
            f"the model must give features for each of the {n_rows} rows of a batch, "
            f"found the shape {features.shape}"
        )
    return features
