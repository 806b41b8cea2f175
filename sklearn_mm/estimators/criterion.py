"""A loss of the user's, of which each row gets its share."""

import copy

from torch import nn


class RowLoss(nn.Module):
    """A criterion that gives one loss a row, so that rows can be weighed.

    Parameters
    ----------
    criterion : torch.nn.Module class, callable that gives one, or Module
        The user's. Its ``reduction`` becomes ``"none"``: a batch's loss is the mean of
        its rows' losses times their weights.
    **params
        Of the criterion, if it is not built yet.

    Raises
    ------
    ValueError
        For ``reduction="sum"``, and, in ``forward``, for a criterion that does not
        take what it is given, or gives no loss for each row.
    """

    def __init__(self, criterion, **params):
        super().__init__()
        if params.get("reduction", "mean") not in ("mean", "none"):
            self._refuse(params["reduction"])
        params.pop("reduction", None)
        if isinstance(criterion, nn.Module):
            if params:
                raise ValueError(
                    f"net_params names {sorted(params)} of a criterion that is built "
                    f"already. Pass its class, {type(criterion).__name__}."
                )
            criterion = copy.deepcopy(criterion)
        else:
            criterion = criterion(**params)
        if getattr(criterion, "reduction", "mean") not in ("mean", "none"):
            self._refuse(criterion.reduction)
        if hasattr(criterion, "reduction"):
            criterion.reduction = "none"
        self.criterion = criterion

    def _refuse(self, reduction):
        raise ValueError(
            f"net_params cannot have a criterion with reduction={reduction!r}: the "
            "losses of rows are weighed and averaged. Leave reduction out, and choose "
            "learning_rate instead."
        )

    def forward(self, outputs, target):
        """Compare (batch, n_outputs) with the target: (batch,)."""
        name = type(self.criterion).__name__
        found = f"outputs {tuple(outputs.shape)} and targets {tuple(target.shape)}"
        try:
            losses = self.criterion(outputs, target)
        except (RuntimeError, ValueError, TypeError, IndexError) as error:
            raise ValueError(
                f"the criterion {name} of net_params does not take {found} of "
                f"{target.dtype}: {error}"
            ) from error
        if losses.ndim == 0 or len(losses) != len(outputs):
            raise ValueError(
                f"the criterion {name} of net_params gives a loss of shape "
                f"{tuple(losses.shape)} for {found}, expected one for each row. Give "
                "it a parameter reduction, of which 'none' leaves rows apart."
            )
        return losses.flatten(1).mean(dim=1) if losses.ndim > 1 else losses
