"""Series of the market and the economy, as far as they were known on a day.

They ship in the package arch, whose files are read and whose code is not run.
"""

import importlib.util
from pathlib import Path

import numpy as np
import pandas as pd

from sklearn_mm.datasets.markets.terms import FLOOR

# After the first day of the month that a number is of. The Federal Reserve publishes
# the monthly mean of bond yields in the first days of the next month; the consumer
# prices of a month are published from the 10th to the 18th of the next.
SPREAD_LAG = pd.DateOffset(months=1, days=6)
PRICES_LAG = pd.DateOffset(months=1, days=19)
# Oil prices are published with a delay of some days.
OIL_LAG = pd.DateOffset(days=7)


def read_market():
    """Read the S&P 500 and the VIX.

    Returns
    -------
    DataFrame of float64, by trading day, 1999 to 2018
        "return" and "log_range" of the index, and "vix", the log of the VIX at the
        close, NaN before 2014.
    """
    index = _read("sp500")
    vix = np.log(_read("vix")["vix"])
    return pd.DataFrame(
        {
            "return": np.log(index["Adj Close"]).diff(),
            "log_range": np.log(np.log(index["High"] / index["Low"]) + FLOOR),
            "vix": vix.reindex(index.index),
        }
    ).iloc[1:]


def read_macro():
    """Read oil, credit spread and core consumer prices.

    Returns
    -------
    DataFrame of float64, by the day from which a number was known
        "oil", the log of dollars a barrel of WTI, seven days after its day;
        "credit_spread", BAA less AAA yields in per cent, from the 7th of the month
        after theirs; "core_inflation", the log change of core consumer prices over
        twelve months, from the 20th of the month after. NaN on days without news.
    """
    yields = _read("default")
    consumer = np.log(_read("core_cpi")["CPILFESL"])
    series = {
        "oil": (np.log(_read("wti")["DCOILWTICO"].dropna()), OIL_LAG),
        "credit_spread": (yields["BAA"] - yields["AAA"], SPREAD_LAG),
        "core_inflation": (consumer.diff(12).dropna(), PRICES_LAG),
    }
    return pd.DataFrame(
        {name: known_from(values, lag) for name, (values, lag) in series.items()}
    )


def known_from(values, lag):
    """Date a series by the day of its publication instead of the day it is of."""
    return values.set_axis(values.index + lag)


def _read(name):
    """Read one file of arch: numbers by date."""
    spec = importlib.util.find_spec("arch")
    if spec is None:
        raise ImportError(
            "the series of the market and the economy ship in the package arch, which "
            "is not installed. Its files suffice: pip install --no-deps arch==8.0.0. "
            "Or leave these series out: macro=False."
        )
    folder = Path(spec.submodule_search_locations[0], "data", name)
    table = pd.read_csv(
        folder / f"{name.replace('_', '-')}.csv.gz", index_col="Date", na_values=["."]
    )
    return table.set_axis(pd.to_datetime(table.index, format="%m/%d/%Y"))
