"""Numbers that say how a stock or a market moved up to each day.

Those of a heterogeneous autoregression (HAR; Corsi 2009, "A Simple Approximate
Long-Memory Model of Realized Volatility"): the volatility of the last day, week, month
and quarter, measured in several ways. Each looks at its day and at days before it.
"""

import numpy as np
import pandas as pd

# Trading days: a day, a week, a month and a quarter.
SPANS = (1, 5, 22, 66)

# Added to what a logarithm is taken of: 1 basis point, so that a week in which a price
# stood still has a number.
FLOOR = 1e-4

# How many trading days ago the same week was one to four quarters ago: companies
# report about every 63 days.
QUARTERS = (63, 126, 189, 252)

# A day counts as an event, such as a report, if its return was this many times that of
# the quarter, and its log volume this much above that of the month.
EVENT_RETURN, EVENT_VOLUME = 2.5, 0.4
LONGEST_WAIT = 80  # days since the last event that are told apart


def daily_changes(prices):
    """Compute what is known of each day of one stock at its close.

    Parameters
    ----------
    prices : DataFrame
        Days of one stock in order: open, high, low, close, adj_close, volume.

    Returns
    -------
    DataFrame of float64, with the same index
        "return" and "overnight" are log returns, from the last close, adjusted for
        dividends and splits; "range" is the log of the day's high over its low;
        "volume" is its log, NaN on days without trade.
    """
    adjusted = np.log(prices["adj_close"])
    returns = adjusted.diff()
    return pd.DataFrame(
        {
            "return": returns,
            "overnight": returns - np.log(prices["close"] / prices["open"]),
            "range": np.log(prices["high"] / prices["low"]),
            "volume": np.log(prices["volume"].where(prices["volume"] > 0)),
        }
    )


def log_volatility(returns, n_days):
    """Log of the root of the mean squared return over the last days."""
    return np.log(np.sqrt((returns**2).rolling(n_days).mean()) + FLOOR)


def stock_terms(changes):
    """Compute the terms of one stock: a row a day.

    Parameters
    ----------
    changes : DataFrame
        Of :func:`daily_changes`.

    Returns
    -------
    DataFrame of float64
    """
    returns, ranges, volume = changes["return"], changes["range"], changes["volume"]
    terms = {}
    for n in SPANS:
        level = log_volatility(returns, n)
        terms[f"volatility_{n}"] = level
        terms[f"absolute_return_{n}"] = np.log(returns.abs().rolling(n).mean() + FLOOR)
        # Parkinson (1980): the variance of a day is its squared range over 4 log 2.
        terms[f"range_{n}"] = log_volatility(ranges / np.sqrt(4 * np.log(2)), n)
        terms[f"log_range_{n}"] = np.log(ranges + FLOOR).rolling(n).mean()
        terms[f"overnight_{n}"] = log_volatility(changes["overnight"], n)
        terms[f"downside_{n}"] = log_volatility(returns.clip(upper=0), n) - level
    quarter = volume.rolling(SPANS[-1], min_periods=SPANS[-1] // 2).mean()
    for n in SPANS[:-1]:
        terms[f"volume_{n}"] = volume.rolling(n, min_periods=1).mean() - quarter
    terms["volatility_so_far"] = terms[f"volatility_{SPANS[-1]}"].expanding().mean()
    return pd.DataFrame(terms | _events(changes), index=changes.index)


def _events(changes):
    """Tell what happened in this week one to four quarters ago, and since when."""
    returns, volume = changes["return"], changes["volume"]
    strength = returns.abs() / (np.sqrt((returns**2).rolling(SPANS[-1]).mean()) + FLOOR)
    crowd = volume - volume.rolling(22, min_periods=11).mean()
    terms = {}
    for ago in QUARTERS:
        # The seven days that begin a whole number of quarters ago.
        for name, values in (("return", strength), ("volume", crowd)):
            week = values.rolling(7, min_periods=1).max().shift(ago - 6)
            terms[f"{name}_{ago}_days_ago"] = week
    place = pd.Series(np.arange(len(changes), dtype=float), index=changes.index)
    events = place.where((strength > EVENT_RETURN) & (crowd > EVENT_VOLUME)).ffill()
    waited = (place - events).clip(upper=LONGEST_WAIT)
    return terms | {"days_since_event": waited.fillna(LONGEST_WAIT)}


def market_terms(market):
    """Compute the terms of a market: a row for each of its days.

    Parameters
    ----------
    market : DataFrame
        Days in order, with the column "return" and, if there is one, "vix", its log.

    Returns
    -------
    DataFrame of float64
    """
    returns = market["return"]
    terms = {f"market_volatility_{n}": log_volatility(returns, n) for n in SPANS}
    terms |= {f"market_return_{n}": returns.rolling(n).mean() for n in SPANS[:-1]}
    if "vix" in market:
        terms["vix"] = market["vix"]
        terms |= {f"vix_change_{n}": market["vix"].diff(n) for n in (1, 5)}
    return pd.DataFrame(terms)
