"""A second device where there is no GPU: tensors that may not meet those of the CPU."""

import torch
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_leaves, tree_map

# What really takes tensors of two devices: copies, and places to take or to put.
_OF_TWO_DEVICES = ("copy_", "__getitem__", "__setitem__")


class OnGPU(torch.Tensor):
    """A tensor that says it is on a GPU. What is computed from it is there, too."""

    device = property(lambda self: torch.device("cuda:0"))
    is_cuda = property(lambda self: True)

    def __deepcopy__(self, memo):
        return self.detach().clone()


def _to_gpu(value):
    is_tensor = isinstance(value, torch.Tensor) and not isinstance(value, OnGPU)
    return value.as_subclass(OnGPU) if is_tensor else value


class FakeGPU(TorchFunctionMode):
    """While it is entered there is a GPU, ``"cuda"``, that adds like the CPU.

    Tensors of two devices in one operation are an error where gradients are computed:
    the gradients themselves know nothing of it, so optimizers are not looked at.

    Attributes
    ----------
    n_pinned : int
        Tensors that were pinned.
    n_unpinned : int
        Tensors that were sent to the GPU without waiting, and without that.
    """

    def __init__(self):
        super().__init__()
        self.n_pinned = self.n_unpinned = 0
        self._pinned = []

    def __enter__(self):
        # A module gets new parameters where it goes: these are of another type.
        self._before = torch.__future__.get_overwrite_module_params_on_conversion()
        torch.__future__.set_overwrite_module_params_on_conversion(True)
        return super().__enter__()

    def __exit__(self, *args):
        torch.__future__.set_overwrite_module_params_on_conversion(self._before)
        return super().__exit__(*args)

    def __torch_function__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        if func is torch.Tensor.pin_memory:
            self.n_pinned += 1
            self._pinned.append(args[0])
            return args[0]
        if func is torch.Tensor.numpy and isinstance(args[0], OnGPU):
            raise TypeError("can't convert cuda:0 device type tensor to numpy")
        if func is torch._has_compatible_shallow_copy_type:
            return _is_there(args[0]) == _is_there(args[1])
        if func is torch.Tensor.cpu:
            return self._to(args[0], "cpu")
        if func is torch.Tensor.to:
            return self._to(*args, **kwargs)
        device = kwargs.get("device")
        if device is not None and torch.device(device).type == "cuda":
            return tree_map(_to_gpu, func(*args, **{**kwargs, "device": "cpu"}))
        if torch.is_grad_enabled():
            self._check(func, args, kwargs)
        return func(*args, **kwargs)

    def _check(self, func, args, kwargs):
        tensors = [t for t in tree_leaves((args, kwargs)) if torch.is_tensor(t)]
        kinds = {isinstance(t, OnGPU) for t in tensors if t.dim() or _is_there(t)}
        name = getattr(func, "__name__", str(func))
        if len(kinds) == 2 and name not in _OF_TWO_DEVICES:
            raise RuntimeError(
                f"Expected all tensors to be on the same device, in {name}: found "
                "tensors on cuda:0 and on cpu"
            )

    def _to(self, tensor, *args, device=None, non_blocking=False, **kwargs):
        if args and isinstance(args[0], str | torch.device):
            device, *args = args
        elif args and torch.is_tensor(args[0]):
            device, args = args[0].device, [args[0].dtype]
        args = [each for each in args if isinstance(each, torch.dtype)]
        if args or kwargs:
            tensor = torch.Tensor.to(tensor, *args, **kwargs)
        if device is None:
            return tensor
        if torch.device(device).type == "cpu":
            return tensor.as_subclass(torch.Tensor)
        if non_blocking and not _is_there(tensor):
            self.n_unpinned += not any(tensor is each for each in self._pinned)
        return _to_gpu(tensor)


def _is_there(tensor):
    return isinstance(tensor, OnGPU)
