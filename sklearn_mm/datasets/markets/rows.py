"""Rows of a stock on a day: what was known then, and what came after.

All that is shared by the loaders stands here, so that one test of looking ahead serves
them all. A feature of day d is made of prices to the close of d, and of texts of d or
before; a target is made of the days after d.
"""

import numpy as np
import pandas as pd
from sklearn.utils import Bunch

from sklearn_mm.datasets.markets.terms import (
    FLOOR,
    daily_changes,
    log_volatility,
    market_terms,
    stock_terms,
)

HORIZON = 5  # trading days that the targets look ahead
TEXT_DAYS = 5  # days of the calendar whose texts a row has, its own included
CHANNELS = ("return", "overnight", "log_range", "volume")
COUNTS = ("texts_1", "texts_5", "texts_1_to_90", "texts_5_to_90")


def make_rows(
    prices, texts, *, sectors=None, market=None, macro=None, n_days=66, labelled=True
):
    """Make the rows of all stocks on days with a price and a text.

    Parameters
    ----------
    prices : DataFrame
        stock, date, open, high, low, close, adj_close, volume.
    texts : DataFrame
        stock, day, text; those of a day in their order. A day is a date without time.
    sectors : dict of str to str, default=None
        Of each stock.
    market, macro : DataFrame, default=None
        Numbers by the day from which they are known, a column a channel; of a market
        its "return" and perhaps "vix".
    n_days : int, default=66
        Steps of the series.
    labelled : bool, default=True
        Whether to leave out rows whose future is not known yet.

    Returns
    -------
    Bunch
        data, target, frame, modalities, target_names.
    """
    prices = prices.dropna().sort_values(["stock", "date"], kind="stable")
    wanted = texts.groupby("stock")["day"].unique()
    parts = [
        _rows_of_stock(stock, days, np.unique(wanted[stock]), n_days, labelled)
        for stock, days in prices.groupby("stock")
        if stock in wanted.index
    ]
    rows = pd.concat(parts) if parts else pd.DataFrame()
    if rows.empty:
        raise ValueError(
            f"no stock has a text on a day before which it has {n_days + 1} days of "
            f"prices{' and after which it has 5' if labelled else ''}: of "
            f"{prices['stock'].nunique()} stocks with prices {len(parts)} have texts"
        )
    rows = rows.sort_values(["day", "stock"], ignore_index=True)
    groups = {"prices": ["prices"], "price_terms": _term_names(rows)}
    if sectors is not None:
        rows.insert(2, "sector", rows["stock"].map(sectors))
    groups["identity"] = ["stock", "sector"] if sectors is not None else ["stock"]
    rows = _add_texts(rows, texts)
    groups |= {"texts": ["texts"], "text_counts": list(COUNTS)}
    if market is not None:
        rows["market"] = windows_known(market, rows["day"], n_days)
        terms = market_terms(market)
        groups |= {"market": ["market"], "market_terms": list(terms)}
        rows = pd.concat([rows, _last_known(terms, rows["day"])], axis=1)
    if macro is not None:
        calendar = pd.DatetimeIndex(np.sort(prices["date"].unique()))
        daily = macro.reindex(macro.index.union(calendar)).ffill().reindex(calendar)
        rows["macro"] = windows_known(daily, rows["day"], n_days)
        groups["macro"] = ["macro"]
    return _pack(rows, groups)


def windows_known(table, days, n_days):
    """Take the last rows of a table up to each day.

    Parameters
    ----------
    table : DataFrame
        By the day from which a row is known, in order.
    days : Series of datetime64
        The last day of each window.
    n_days : int
        Steps of a window.

    Returns
    -------
    list of ndarray of shape (n_steps, n_channels), float32
        Fewer steps where the table begins later; None where it does so after the day.
    """
    values = table.to_numpy(dtype=np.float32)
    stops = np.searchsorted(table.index, days.to_numpy(), side="right")
    return [
        values[max(stop - n_days, 0) : stop].copy() if stop else None for stop in stops
    ]


def _rows_of_stock(stock, prices, wanted, n_days, labelled):
    """Make the rows of one stock on the days that are wanted."""
    prices = prices.set_index("date")
    changes = daily_changes(prices)
    targets = future(changes["return"])
    channels = changes.assign(log_range=np.log(changes["range"] + FLOOR))
    terms = stock_terms(changes)
    enough = np.arange(len(prices)) >= n_days  # the first day has no return
    chosen = enough & prices.index.isin(wanted)
    if labelled:
        chosen &= targets["log_volatility"].notna().to_numpy()
    places = np.flatnonzero(chosen)
    values = channels[list(CHANNELS)].to_numpy(dtype=np.float32)
    windows = [_window(values[place - n_days + 1 : place + 1]) for place in places]
    return pd.concat(
        [
            pd.DataFrame({"stock": stock, "day": prices.index[places]}),
            pd.DataFrame({"prices": pd.Series(windows, dtype=object)}),
            terms.iloc[places].reset_index(drop=True),
            targets.iloc[places].reset_index(drop=True),
        ],
        axis=1,
    )


def _window(values):
    """Copy a window, its log volume relative to the mean of the window."""
    window = values.copy()
    volume = window[:, CHANNELS.index("volume")]
    traded = ~np.isnan(volume)
    if traded.any():
        volume -= volume[traded].mean()
    return window


def future(returns):
    """Compute what a row is to predict, from the returns after its day.

    Parameters
    ----------
    returns : Series
        Log returns of one stock by day.

    Returns
    -------
    DataFrame
        Of each day d: "log_volatility", the log of (the root of the mean squared return
        of d + 1 to d + 5, plus 0.0001); "return_1" and "return_5", the log returns from
        the close of d to that of d + 1 and d + 5. NaN where a day is not there.
    """
    return pd.DataFrame(
        {
            "log_volatility": log_volatility(returns, HORIZON).shift(-HORIZON),
            "return_1": returns.shift(-1),
            "return_5": returns.rolling(HORIZON).sum().shift(-HORIZON),
        }
    )


def _term_names(rows):
    targets = ("log_volatility", "return_1", "return_5")
    return [c for c in rows if c not in ("stock", "day", "prices", *targets)]


def _last_known(table, days):
    """Take the last row of a table up to each day; NaN where it begins later."""
    known = table.reindex(table.index.union(days.unique())).ffill()
    return known.loc[days].reset_index(drop=True)


def _add_texts(rows, texts):
    """Add the texts of the last days, the newest last, and how many they are."""
    texts = texts.sort_values(["stock", "day"], kind="stable")
    by_stock = {
        stock: (part["day"].to_numpy(), part["text"].tolist())
        for stock, part in texts.groupby("stock")
    }
    day = np.timedelta64(1, "D")
    cells, counts = [], np.empty((len(rows), 3))
    for i, (stock, today) in enumerate(
        zip(rows["stock"], rows["day"].to_numpy(), strict=True)
    ):
        days, of_stock = by_stock[stock]
        stop = np.searchsorted(days, today, side="right")
        first = today - np.array([1, TEXT_DAYS, 90]) * day
        starts = np.searchsorted(days, first, side="right")
        cells.append(of_stock[starts[1] : stop])
        counts[i] = stop - starts
    rows["texts"] = pd.Series(cells, dtype=object)
    per_day = np.log1p(counts / [1, TEXT_DAYS, 90])
    # Relative to what the stock is used to: many more than usual means news.
    relative = per_day[:, :2] - per_day[:, 2:]
    rows[list(COUNTS)] = np.hstack([per_day[:, :2], relative])
    return rows


def _pack(rows, groups):
    """Divide the rows into what is known and what is to be predicted."""
    target = pd.DataFrame({"log_volatility": rows["log_volatility"]})
    for name in ("return_1", "return_5"):
        target[name] = rows[name]
        up = (rows[name] > 0).astype("Int64").where(rows[name].notna())
        target[name.replace("return", "up")] = up if up.isna().any() else up.astype(int)
    # What was made of the five days ahead must never stand among the features.
    names = [name for columns in groups.values() for name in columns]
    data = rows[["day", *names]].copy()
    return Bunch(
        data=data,
        target=target,
        frame=pd.concat([data, target], axis=1),
        modalities=groups,
        target_names=list(target),
    )
