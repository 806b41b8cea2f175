"""StockNet: prices of 88 stocks and tweets that name them."""

import pandas as pd
from sklearn.utils import Bunch

from sklearn_mm.datasets._home import find_in_homes, get_data_home
from sklearn_mm.datasets.markets.macro import read_macro, read_market
from sklearn_mm.datasets.markets.rows import make_rows

FOLDER = "stocknet"
SOURCE = "https://github.com/yumoxu/stocknet-dataset"
COLUMNS = {
    "prices.parquet": (
        ["stock", "date", "open", "high", "low", "close", "adj_close", "volume"],
        108_592,
    ),
    "tweets.parquet": (["stock", "day", "created_at", "text"], 106_338),
    "sectors.tsv": (["Sector", "Symbol", "Company"], 88),
}
DESCRIPTION = """\
StockNet (Xu & Cohen 2018): 88 stocks of nine sectors, their daily prices and the tweets
that name them, 2014 and 2015. A row is a stock on a trading day with tweets. What is
known is the prices to the close of that day and the tweets of that day in UTC, which
ends at 7 or 8 in the evening in New York, hours after the close and before the next
opening: a tweet may speak of what has moved the price after the close.
"""


def fetch_stocknet(*, data_home=None, macro=True, n_days=66, labelled=True):
    """Load StockNet: what was known of a stock on a day, and its next five days.

    A row is a stock on a trading day on which at least one tweet names it, if it has
    `n_days` returns before and, for `labelled`, five after. Prices are those to the
    close of the day. Returns are of closes adjusted for dividends and splits; an
    adjustment scales all earlier prices alike and so changes no return but that of its
    own day. Tweets of a day end at midnight UTC, which is after the close and before
    the next opening. So volatility is forecast fairly, but nobody could trade at the
    close on what the last of these tweets say.

    Parameters
    ----------
    data_home : str or Path, default=None
        Folder that holds ``stocknet/``; see :func:`get_data_home`.
    macro : bool, default=True
        Whether to add the market and the economy, from the files of the package arch.
    n_days : int, default=66
        Steps of a series: a quarter of trading days.
    labelled : bool, default=True
        Whether to leave out rows whose next five days are not known.

    Returns
    -------
    Bunch
        With these attributes:

        data : DataFrame of 19,354 rows, in the order of day and stock
            What was known.

            - "day": the trading day; no feature, but to split by.
            - "stock", "sector": names.
            - "prices": array (n_days, 4), float32, the newest day last: log return,
              overnight log return, log of (log of high over low, plus 0.0001), log
              volume relative to its mean over the window (NaN on days without trade).
            - "texts": list of the tweets of the last five days of the calendar, the
              newest last, at least one. Names and links are placeholders.
            - "market", "macro": arrays (n_days, 3), float32; see the notes.
            - many numbers, all float64, by name and span in trading days:
              "volatility_1" (log root mean square of the returns), "absolute_return_5",
              "range_22", "overnight_66", "volume_5" and so on; what happened in the
              same week one to four quarters ago; of the market the same; and how many
              tweets there were. NaN where history is too short.

        target : DataFrame
            "log_volatility": log of (root mean squared log return of the next five
            trading days, plus 0.0001); "return_1", "return_5": log return to the next
            and to the fifth close; "up_1", "up_5": whether it is above 0, as 0 or 1.
            With ``labelled=False`` missing where not known.
        frame : DataFrame
            Both.
        modalities : dict of str to list of str
            The columns of data by what they are of.
        target_names : list of str
            The columns of target.
        DESCR : str
            What the rows are, in words.

    Raises
    ------
    OSError
        If a file is not there, or is not the one this package was tested with.
    ImportError
        If arch is not installed and `macro` is true.

    See Also
    --------
    load_prices_and_texts : The same for prices and texts of your own.

    Notes
    -----
    "market" is the log return and log range of the S&P 500, and the log of the VIX,
    which begins in 2014. "macro" is known as it was published: the log price of oil
    (WTI) with a delay of seven days; the credit spread, BAA less AAA yields, monthly,
    from the 7th of the next month on; core consumer prices over twelve months, monthly,
    from the 20th of the next month on. The file of consumer prices holds revised
    seasonal factors, not those of the first publication.

    The tables are those of the repository yumoxu/stocknet-dataset on GitHub, as two
    Parquet files; these need pyarrow. They are not downloaded: the source has them as
    thousands of text files.

    References
    ----------
    Y. Xu, S. B. Cohen, "Stock Movement Prediction from Tweets and Historical Prices",
    ACL 2018. Licence MIT.

    Examples
    --------
    >>> from sklearn_mm.datasets import fetch_stocknet
    >>> stocknet = fetch_stocknet()  # doctest: +SKIP
    >>> stocknet.data["prices"][0].shape  # doctest: +SKIP
    (66, 4)
    """
    prices, tweets, sectors = (_read(name, data_home) for name in COLUMNS)
    rows = make_rows(
        prices,
        tweets.sort_values(["day", "created_at"], kind="stable"),
        sectors=dict(zip(sectors["Symbol"].str[1:], sectors["Sector"], strict=True)),
        market=read_market() if macro else None,
        macro=read_macro() if macro else None,
        n_days=n_days,
        labelled=labelled,
    )
    return Bunch(**rows, DESCR=DESCRIPTION)


def _read(name, data_home):
    """Read one file and see that it is what it should be."""
    columns, n_rows = COLUMNS[name]
    path = find_in_homes(f"{FOLDER}/{name}", data_home)
    if path is None:
        wanted = get_data_home(data_home) / FOLDER / name
        raise OSError(
            f"StockNet's {name} is not there: put a table of {n_rows:,} rows with the "
            f"columns {columns}, made from {SOURCE}, at {wanted}, or name the folder "
            f"that holds {FOLDER}/ by data_home or by the environment variable "
            "SKLEARN_MM_DATA. For prices and texts of your own see "
            "load_prices_and_texts."
        )
    try:
        if name.endswith(".parquet"):
            table = pd.read_parquet(path)
        else:
            table = pd.read_csv(path, sep="\t")
    except ImportError as error:
        raise ImportError(
            f"{path} needs a reader of Parquet: pip install pyarrow"
        ) from error
    except ValueError as error:
        raise OSError(f"{path} cannot be read ({error}): replace it") from error
    if list(table) != columns or len(table) != n_rows:
        raise OSError(
            f"{path} is not that of StockNet: found {len(table):,} rows of "
            f"{list(table)}, expected {n_rows:,} of {columns}. Replace it."
        )
    return table
