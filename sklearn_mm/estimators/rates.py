"""Learning rates of encoders that have one of their own."""

# Of a group of parameters: whether they decay depends on their form.
BY_FORM = "by_form"

# How skorch names the weights of a network that is compiled.
COMPILED = "_orig_mod."


def parameter_groups(network, net_params):
    """Name the groups of parameters, by skorch's patterns, that are not as the others.

    Parameters
    ----------
    network : dict
        Arguments of :func:`sklearn_mm.estimators.training.build_network`.
    net_params : dict
        Of the user.

    Returns
    -------
    list of (str, dict)
        Patterns of names, and options of the optimizer: biases do not decay, and
        encoders may have a rate of their own.

    Raises
    ------
    ValueError
        If the user has named groups as well.
    """
    groups, own = [], []
    n_members = network.get("n_estimators", 1)
    of_members = [f"members.{m}." for m in range(n_members)] if n_members > 1 else [""]
    for index, name in enumerate(network["modalities"]):
        spec = network["encoders"][name]
        rate = _own_rate(spec)
        if rate is None:
            continue
        own.append(name)
        part = f"encoders.{index}.{getattr(spec, '_tuned_part', '')}"
        for prefix in (*of_members, *(COMPILED + member for member in of_members)):
            no_decay = {"lr": rate, "weight_decay": 0.0}
            groups.append((f"{prefix}{part}bias*", no_decay))
            groups.append((f"{prefix}{part}*.bias*", no_decay))
            groups.append((f"{prefix}{part}*", {"lr": rate, BY_FORM: True}))
    if own and "optimizer__param_groups" in net_params:
        raise ValueError(
            f"the encoders of {own} have a learning_rate of their own, and net_params "
            "names optimizer__param_groups. Leave these out, or set the learning_rate "
            "of the encoders to None"
        )
    return [*groups, ("*.bias*", {"weight_decay": 0.0})]


def _own_rate(spec):
    """Give the rate of what a spec builds; None where it is the estimator's."""
    if not hasattr(spec, "build"):
        return None  # a factory of the user's
    if hasattr(spec, "choose_learning_rate"):
        return spec.choose_learning_rate()
    return getattr(spec, "learning_rate", None)


def reset_rates(net):
    """Give each group of parameters the rate that it began with.

    Parameters
    ----------
    net : FusionNet
        Trained before, by a schedule perhaps, which ended at zero.
    """
    parameters = net.get_all_learnable_params()
    (groups,), _ = net.get_params_for_optimizer("optimizer", parameters)
    own = {
        id(p): group["lr"] for group in groups if "lr" in group for p in group["params"]
    }
    for group in net.optimizer_.param_groups:
        known = {own.get(id(parameter), net.lr) for parameter in group["params"]}
        group["lr"] = known.pop() if known else net.lr
