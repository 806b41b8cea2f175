"""What of a net in training decides about its next step."""

import torch
from torch import nn

from sklearn_mm.estimators.checkpoints.frozen import NotKept, freeze, thaw

# Of the process rather than of the training: a clock, and whether a heading is printed.
_OF_PROCESS = ("epoch_timer", "print_log")
_OF_EVERY_MODULE = frozenset(vars(nn.Module()))


class StateReader:
    """Take the state of a net, and note what of it cannot be kept.

    Parameters
    ----------
    net : FusionNet
        Whose ``on_train_begin`` is over, for all callbacks but the checkpoint's own.
    """

    def __init__(self, net):
        self._first = {
            (name, attribute): id(value)
            for name, callback in net.callbacks_
            for attribute, value in vars(callback).items()
        }
        self.lost = {}

    def read(self, net, *, skip=(), in_epoch):
        """Freeze all state.

        Parameters
        ----------
        net : FusionNet
            Between two batches or two epochs.
        skip : tuple of callback
            Those that are no part of the training.
        in_epoch : bool
            Whether the last epoch of the history has not ended.

        Returns
        -------
        state : dict
            For JSON.
        tensors : dict of str to Tensor
            On the CPU, by their digests.
        """
        tensors = {}
        n_whole = len(net.history) - in_epoch
        # Past batches are what a history loses in a pickle, too.
        epochs = [{**epoch, "batches": []} for epoch in net.history[:n_whole]]
        epochs += [dict(epoch) for epoch in net.history[n_whole:]]
        state = {
            "module": _freeze_module(net.module_, tensors),
            "optimizer": freeze(net.optimizer_.state_dict(), tensors),
            "random": freeze(random_states(net.device), tensors),
            "history": [self._freeze_epoch(epoch, tensors) for epoch in epochs],
            "callbacks": {
                name: self._freeze_callback(name, callback, tensors)
                for name, callback in net.callbacks_
                if name not in _OF_PROCESS and callback not in skip
            },
        }
        if isinstance(net.criterion_, nn.Module):
            state["criterion"] = _freeze_module(net.criterion_, tensors)
        return state, tensors

    def _freeze_epoch(self, epoch, tensors):
        kept = {}
        for name, value in epoch.items():
            try:
                kept[name] = freeze(value, tensors)
            except NotKept as error:
                self.lost["history_", name] = str(error)
        return kept

    def _freeze_callback(self, name, callback, tensors):
        kept = {}
        for attribute, value in vars(callback).items():
            try:
                if _has_own_state(value):
                    kept[attribute] = {"own": freeze(value.state_dict(), tensors)}
                else:
                    kept[attribute] = {"value": freeze(value, tensors)}
            except NotKept as error:
                # What was there from the start, such as a function, is there again.
                is_same = self._first.get((name, attribute)) == id(value)
                if not is_same or isinstance(value, list | dict | set):
                    self.lost[name, attribute] = str(error)
        return kept


def restore(net, state, tensors, *, whole_epochs_only):
    """Give a net the state that :class:`StateReader` has read of its like.

    Parameters
    ----------
    net : FusionNet
        Initialized, with its callbacks in training.
    state : dict
        From JSON.
    tensors : dict of str to Tensor
        By their digests.
    whole_epochs_only : bool
        Whether to leave out of the history the epoch that has not ended.
    """
    _restore_module(net.module_, state["module"], tensors)
    if "criterion" in state:
        _restore_module(net.criterion_, state["criterion"], tensors)
    net.optimizer_.load_state_dict(thaw(state["optimizer"], tensors))
    epochs = [
        {name: thaw(value, tensors) for name, value in epoch.items()}
        for epoch in state["history"]
    ]
    if whole_epochs_only:
        epochs = epochs[: state["n_whole"]]
    net.history[:] = epochs
    callbacks = dict(net.callbacks_)
    for name, attributes in state["callbacks"].items():
        for attribute, node in attributes.items():
            if "own" in node:
                own = thaw(node["own"], tensors, net.device)
                vars(callbacks[name])[attribute].load_state_dict(own)
            else:
                value = thaw(node["value"], tensors, net.device)
                vars(callbacks[name])[attribute] = value
    set_random_states(thaw(state["random"], tensors), net.device)


def random_states(device):
    """Get torch's random states: of the CPU, and of the GPU that is trained on."""
    states = {"cpu": torch.get_rng_state()}
    if torch.device(device).type == "cuda":
        states["cuda"] = torch.cuda.get_rng_state(device)
    return states


def set_random_states(states, device):
    """Set what :func:`random_states` gave, as far as it is of this device."""
    torch.set_rng_state(states["cpu"])
    if "cuda" in states and torch.device(device).type == "cuda":
        torch.cuda.set_rng_state(states["cuda"], device)


def _has_own_state(value):
    own = hasattr(value, "state_dict") and hasattr(value, "load_state_dict")
    return own and not isinstance(value, type)


def _tensors_of(module):
    """Weights and all buffers, those that a state dict leaves out, too."""
    found = {**dict(module.named_buffers()), **module.state_dict()}
    return {name: value for name, value in found.items() if torch.is_tensor(value)}


def _freeze_module(module, tensors):
    """Freeze weights, buffers, which are trained, and the numbers beside them."""
    beside = {}
    for path, part in module.named_modules():
        for name, value in vars(part).items():
            if name in _OF_EVERY_MODULE:
                continue
            try:
                beside.setdefault(path, {})[name] = freeze(value, tensors)
            except NotKept:
                continue  # what the network was built from, and is again
    held = [name for name, p in module.named_parameters() if not p.requires_grad]
    values = {name: value.detach() for name, value in _tensors_of(module).items()}
    return {"tensors": freeze(values, tensors), "beside": beside, "held": held}


def _restore_module(module, state, tensors):
    found = _tensors_of(module)
    with torch.no_grad():
        for name, value in thaw(state["tensors"], tensors).items():
            found[name].copy_(value)
    parts = dict(module.named_modules())
    device = next((t.device for t in found.values()), "cpu")
    for path, attributes in state["beside"].items():
        for name, node in attributes.items():
            vars(parts[path])[name] = thaw(node, tensors, device)
    for name, parameter in module.named_parameters():
        parameter.requires_grad_(name not in state["held"])
