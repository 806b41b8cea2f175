"""Prices and texts of the user's own, from CSV files."""

import numpy as np
import pandas as pd
from pandas.errors import EmptyDataError, ParserError

from sklearn_mm.datasets.markets.rows import make_rows
from sklearn_mm.datasets.markets.terms import FLOOR

PRICES = ("open", "high", "low", "close")


def load_prices_and_texts(
    prices, texts, *, sectors=None, market=None, macro=None, n_days=66, labelled=True
):
    """Load rows of windows of prices, and texts, from CSV files.

    The windows, numbers and targets are those of :func:`fetch_stocknet`. A feature of a
    day is made of prices to its close, and of texts and numbers that are dated that day
    or before; a target is made of the five trading days after it. So date a text by the
    first day at whose close it was known, and a number of `macro` by the day of its
    publication, not by the month that it is of.

    Parameters
    ----------
    prices : str, Path or file
        CSV with the columns stock, date, open, high, low, close, volume, and perhaps
        adj_close, the close adjusted for dividends and splits; without it the close is
        taken. A row a stock and trading day, in any order. Rows with an empty cell are
        left out.
    texts : str, Path or file
        CSV with the columns day, text, and stock. Those of a day are in the order of
        the file, the newest last. Rows with an empty text are left out. Any time of
        day is dropped; a time zone is an error.
    sectors : str, Path or file, default=None
        CSV with the columns stock and sector.
    market : str, Path or file, default=None
        CSV with the columns date, high, low, close of an index, and perhaps vix.
    macro : str, Path or file, default=None
        CSV with the column date, the day of publication, and a column for each number;
        cells may be empty.
    n_days : int, default=66
        Steps of a series.
    labelled : bool, default=True
        Whether to leave out rows whose next five days are not in the file. False keeps
        the rows of the last days, which are those to predict.

    Returns
    -------
    Bunch
        With data, target, frame, modalities and target_names, as that of
        :func:`fetch_stocknet`.

    Raises
    ------
    ValueError
        If a file lacks a column or a row holds what is no date, no number, or no price;
        if a stock has two rows of one day; or if no row is left.

    Examples
    --------
    >>> import io
    >>> import numpy as np
    >>> import pandas as pd
    >>> from sklearn_mm.datasets import load_prices_and_texts
    >>> dates = pd.bdate_range("2024-01-01", periods=90)
    >>> close = 100 + np.sin(np.arange(90))
    >>> prices = pd.DataFrame({
    ...     "stock": "ABC", "date": dates, "open": close, "high": close + 1,
    ...     "low": close - 1, "close": close, "volume": 1000,
    ... })
    >>> texts = pd.DataFrame({
    ...     "stock": "ABC", "day": dates[70:72], "text": ["up it goes", "down again"],
    ... })
    >>> rows = load_prices_and_texts(
    ...     io.StringIO(prices.to_csv()), io.StringIO(texts.to_csv())
    ... )
    >>> rows.data["texts"].tolist()
    [['up it goes'], ['up it goes', 'down again']]
    >>> rows.data["prices"][0].shape
    (66, 4)
    """
    days = _read(prices, "prices", ["stock", "date", *PRICES, "volume"], "date")
    days["adj_close"] = days.get("adj_close", days["close"])
    days = days[["stock", "date", *PRICES, "adj_close", "volume"]].dropna()
    _check_prices(days, "prices", [*PRICES, "adj_close"])
    said = _read(texts, "texts", ["stock", "day", "text"], "day").dropna()
    options = {"sectors": None, "market": None, "macro": None}
    if sectors is not None:
        table = _read(sectors, "sectors", ["stock", "sector"])
        options["sectors"] = dict(zip(table["stock"], table["sector"], strict=True))
    if market is not None:
        options["market"] = _read_market(market)
    if macro is not None:
        table = _read(macro, "macro", ["date"], "date").set_index("date").sort_index()
        numbers = {name: _numbers(table[name], "macro") for name in table}
        # The last that was published on a day is what was known at its end.
        options["macro"] = pd.DataFrame(numbers).groupby(level=0).last()
    return make_rows(days, said, **options, n_days=n_days, labelled=labelled)


def _read(file, what, columns, date=None):
    """Read a CSV file and check that its columns and dates are there."""
    try:
        table = pd.read_csv(file, dtype={"stock": str, "text": str, "sector": str})
    except (EmptyDataError, ParserError, UnicodeDecodeError) as error:
        raise ValueError(f"{what}: {file} is no CSV table: {error}") from error
    table = table.loc[:, ~table.columns.str.startswith("Unnamed: ")]
    if missing := [name for name in columns if name not in table]:
        raise ValueError(
            f"{what}: the columns {missing} are missing; found {list(table)}, expected "
            f"{columns}"
        )
    if date is not None:
        table[date] = _dates(table[date], what)
    return table


def _dates(column, what):
    """Read dates; a time of day is dropped, since a row is known at a day's end."""
    zoned = column.astype(str).str.contains(r"\d(?:Z|[+-]\d\d:?\d\d)$", regex=True)
    dates = pd.to_datetime(column.mask(zoned), errors="coerce", format="ISO8601")
    if dates.isna().any():
        row = int(dates.isna().to_numpy().argmax())
        advice = (
            "a time of a zone; say by which day it was known"
            if zoned.iloc[row]
            else "no date such as 2024-01-31"
        )
        raise ValueError(
            f"{what}: column {column.name!r}, row {row}: {column.iloc[row]!r} is "
            f"{advice}"
        )
    return dates.dt.normalize()


def _numbers(column, what):
    """Read numbers; empty cells are NaN."""
    numbers = pd.to_numeric(column, errors="coerce")
    bad = (numbers.isna() & column.notna()) | np.isinf(numbers)
    if bad.any():
        row = int(bad.to_numpy().argmax())
        raise ValueError(
            f"{what}: column {column.name!r}, row {row}: {column.iloc[row]!r} is no "
            "finite number"
        )
    return numbers.astype(float)


def _check_prices(table, what, names):
    """See that prices are prices, in place, and that no day is there twice."""
    for name in [*names, *(["volume"] if "volume" in table else [])]:
        table[name] = _numbers(table[name], what)
    key = [name for name in ("stock", "date") if name in table]
    wrong = {
        "prices must be above 0": (table[names] <= 0).any(axis=1),
        "high is below low": table["high"] < table["low"],
        f"the same {' and '.join(key)} stand there twice": table.duplicated(key),
    }
    for reason, rows in wrong.items():
        if rows.any():
            place = int(rows.to_numpy().argmax())
            found = table.iloc[place].to_dict()
            raise ValueError(
                f"{what}: row {table.index[place]}: {reason}; found {found}"
            )


def _read_market(file):
    """Read an index by day: its log return and log range, and the log of the VIX."""
    table = _read(file, "market", ["date", "high", "low", "close"], "date")
    vix = table.get("vix")
    table = table[["date", "high", "low", "close"]].assign(vix=vix)
    table = table.dropna(subset=["high", "low", "close"]).sort_values("date")
    _check_prices(table, "market", ["high", "low", "close"])
    channels = pd.DataFrame(
        {
            "return": np.log(table["close"]).diff(),
            "log_range": np.log(np.log(table["high"] / table["low"]) + FLOOR),
        }
    )
    if vix is not None:
        level = _numbers(table["vix"], "market")
        channels["vix"] = np.log(level.where(level > 0))
    return channels.set_axis(pd.DatetimeIndex(table["date"])).iloc[1:]
