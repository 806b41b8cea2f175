"""Rows of stocks: nothing of the future, and targets that can be checked by hand."""

import numpy as np
import pandas as pd
import pytest

from sklearn_mm.datasets.markets import macro as macro_module
from sklearn_mm.datasets.markets.rows import TEXT_DAYS, future, make_rows
from sklearn_mm.datasets.markets.terms import FLOOR

N_DAYS = 66


def make_market(seed=0, n_days=340, stocks=("AAA", "BBB")):
    """Random walks of two stocks, an index, two macro series, and texts."""
    rng = np.random.default_rng(seed)
    dates = pd.bdate_range("2013-01-01", periods=n_days)
    prices = []
    for stock in stocks:
        close = 50 * np.exp(np.cumsum(rng.normal(0, 0.02, n_days)))
        opening = close * np.exp(rng.normal(0, 0.01, n_days))
        prices.append(
            pd.DataFrame(
                {
                    "stock": stock,
                    "date": dates,
                    "open": opening,
                    "high": np.maximum(opening, close) * 1.01,
                    "low": np.minimum(opening, close) * 0.99,
                    "close": close,
                    "adj_close": close * 0.9,
                    "volume": rng.integers(1_000, 9_000, n_days).astype(float),
                }
            )
        )
    days = pd.date_range(dates[0], dates[-1])  # weekends, too
    texts = pd.DataFrame(
        [
            {"stock": stock, "day": day, "text": f"{stock} {i}"}
            for i, day in enumerate(days)
            for stock in stocks
            if i % 3
        ]
    )
    index = pd.DataFrame(
        {"return": rng.normal(0, 0.01, n_days), "vix": rng.normal(3, 0.1, n_days)},
        index=dates,
    )
    published = pd.date_range(dates[0], dates[-1], freq="MS") + pd.DateOffset(days=10)
    macro = pd.DataFrame({"rate": rng.normal(size=len(published))}, index=published)
    return pd.concat(prices, ignore_index=True), texts, index, macro


def change_after(day, prices, texts, index, macro):
    """Replace everything that is dated after a day by something else."""
    prices, texts = prices.copy(), texts.copy()
    later = prices["date"] > day
    columns = ["open", "high", "low", "close", "adj_close", "volume"]
    # An adjustment for a later dividend scales all adjusted closes before it.
    prices["adj_close"] *= 0.5
    noise = np.random.default_rng(9).uniform(1, 3, (later.sum(), 1))
    prices.loc[later, columns] = prices.loc[later, columns].to_numpy() * noise
    prices.loc[later, "high"] *= 1.5
    said = texts["day"] > day
    texts.loc[said, "text"] = "something else"
    more = texts[said].assign(text="one more")
    index, macro = index.copy(), macro.copy()
    index.loc[index.index > day] = 77.0
    macro.loc[macro.index > day] = 77.0
    return prices, pd.concat([texts, more], ignore_index=True), index, macro


def rows_of(prices, texts, index, macro, **options):
    sectors = {"AAA": "Food", "BBB": "Steel"}
    return make_rows(
        prices, texts, sectors=sectors, market=index, macro=macro, **options
    )


def assert_same_cells(found, expected):
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("n_before", [300, 311, 322])
def test_no_feature_of_a_day_changes_with_what_comes_after_it(n_before):
    data = make_market()
    day = pd.bdate_range("2013-01-01", periods=340)[n_before]

    as_it_was = rows_of(*data).data.query("day <= @day")
    changed = rows_of(*change_after(day, *data)).data.query("day <= @day")

    assert len(as_it_was) > 100
    for name in as_it_was:
        if as_it_was[name].dtype == object:
            pairs = zip(as_it_was[name], changed[name], strict=True)
            for one, other in pairs:
                if name in ("prices", "market", "macro"):
                    # Halved adjusted closes round their returns otherwise.
                    np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-6)
                else:
                    assert one == other
        elif as_it_was[name].dtype == float:
            np.testing.assert_allclose(as_it_was[name], changed[name], atol=1e-9)
        else:
            assert as_it_was[name].tolist() == changed[name].tolist()


def test_rows_without_labels_need_no_future_and_are_the_same():
    prices, texts, index, macro = make_market()
    day = pd.bdate_range("2013-01-01", periods=340)[320]
    cut = rows_of(
        prices[prices["date"] <= day],
        texts[texts["day"] <= day],
        index[index.index <= day],
        macro[macro.index <= day],
        labelled=False,
    )
    whole = rows_of(prices, texts, index, macro)

    last = cut.data[cut.data["day"] == cut.data["day"].max()].reset_index(drop=True)
    same = whole.data[whole.data["day"] == last["day"][0]].reset_index(drop=True)

    assert cut.target["log_volatility"].tail(len(last)).isna().all()
    assert cut.target["up_5"].tail(len(last)).isna().all()
    assert_same_cells(last["prices"], same["prices"])
    assert_same_cells(last["market"], same["market"])
    assert last["texts"].tolist() == same["texts"].tolist()
    numbers = last.select_dtypes("number").columns
    pd.testing.assert_frame_equal(last[numbers], same[numbers])


def test_features_do_change_with_the_day_itself():
    # Or the test above would pass on features that look at nothing.
    data = make_market()
    day = pd.bdate_range("2013-01-01", periods=340)[301]
    yesterday = day - pd.Timedelta(days=1)

    before = rows_of(*data).data.query("day == @day")
    changed = rows_of(*change_after(yesterday, *data)).data.query("day == @day")

    for name in ("volatility_1", "range_1", "volume_1", "vix", "texts_1"):
        assert not np.allclose(before[name], changed[name]), name
    assert before["texts"].tolist() != changed["texts"].tolist()


def test_targets_are_those_computed_by_hand():
    returns = pd.Series([np.nan, 0.01, -0.02, 0.0, 0.03, 0.01, -0.01, 0.02])

    found = future(returns)

    squares = [0.02**2, 0.0, 0.03**2, 0.01**2, 0.01**2]  # of the rows 2 to 6
    wanted = np.log((sum(squares) / 5) ** 0.5 + 0.0001)
    assert found["log_volatility"][1] == pytest.approx(wanted)
    assert found["return_1"][1] == pytest.approx(-0.02)
    assert found["return_5"][1] == pytest.approx(-0.02 + 0.03 + 0.01 - 0.01)
    assert found["log_volatility"][3:].isna().all()


def test_targets_of_a_row_follow_from_the_prices_of_the_file():
    prices, texts, index, macro = make_market()
    rows = rows_of(prices, texts, index, macro)
    row = rows.frame.iloc[37]
    own = prices[prices["stock"] == row["stock"]].reset_index(drop=True)
    place = own.index[own["date"] == row["day"]][0]

    closes = own["adj_close"][place : place + 6].to_numpy()
    changes = [np.log(b / a) for a, b in zip(closes[:-1], closes[1:], strict=True)]

    wanted = np.log(np.sqrt(np.mean(np.square(changes))) + 0.0001)
    assert row["log_volatility"] == pytest.approx(wanted)
    assert row["return_5"] == pytest.approx(np.log(closes[5] / closes[0]))
    assert row["up_1"] == (closes[1] > closes[0])
    assert row["up_5"] == (closes[5] > closes[0])


def test_a_series_is_the_last_days_and_ends_on_the_day_of_the_row():
    prices, texts, index, macro = make_market()
    row = rows_of(prices, texts, index, macro, n_days=20).data.iloc[50]
    own = prices[prices["stock"] == row["stock"]].set_index("date")
    past = own.loc[: row["day"]].tail(20)

    returns, overnight, log_range, volume = row["prices"].T

    closes = own["adj_close"].loc[: row["day"]].tail(21).to_numpy()
    np.testing.assert_allclose(returns, np.diff(np.log(closes)), atol=1e-6)
    daily = np.log(past["close"] / past["open"])
    np.testing.assert_allclose(overnight, np.diff(np.log(closes)) - daily, atol=1e-6)
    height = np.log(past["high"] / past["low"])
    np.testing.assert_allclose(log_range, np.log(height + FLOOR), rtol=1e-5)
    logs = np.log(past["volume"])
    np.testing.assert_allclose(volume, logs - logs.mean(), atol=1e-5)
    np.testing.assert_allclose(
        row["market"], index.loc[: row["day"]].tail(20), rtol=1e-6
    )


def test_terms_are_logs_of_root_mean_squares_and_their_kin():
    prices, texts, index, macro = make_market()
    row = rows_of(prices, texts, index, macro).data.iloc[-1]
    own = prices[prices["stock"] == row["stock"]].set_index("date").loc[: row["day"]]
    returns = np.log(own["adj_close"]).diff()

    for n in (1, 5, 22, 66):
        last = returns.tail(n)
        wanted = np.log(np.sqrt((last**2).mean()) + FLOOR)
        assert row[f"volatility_{n}"] == pytest.approx(wanted)
        wanted = np.log(last.abs().mean() + FLOOR)
        assert row[f"absolute_return_{n}"] == pytest.approx(wanted)
    market = index["return"].loc[: row["day"]].tail(22)
    wanted = np.log(np.sqrt((market**2).mean()) + FLOOR)
    assert row["market_volatility_22"] == pytest.approx(wanted)


def test_texts_are_those_of_five_days_weekends_included_the_newest_last():
    prices, texts, index, macro = make_market()
    data = rows_of(prices, texts, index, macro).data
    row = data[data["day"].dt.day_name() == "Monday"].iloc[3]

    first = row["day"] - pd.Timedelta(days=TEXT_DAYS - 1)
    own = texts[(texts["stock"] == row["stock"]) & texts["day"].between(first, row.day)]

    assert row["texts"] == own["text"].tolist()
    assert own["day"].dt.day_name().isin(["Saturday", "Sunday"]).any()
    assert row["texts_5"] == pytest.approx(np.log1p(len(own) / 5))


def test_days_without_a_price_are_left_out_and_the_return_spans_them():
    prices, texts, index, macro = make_market(stocks=("AAA",))
    days = pd.bdate_range("2013-01-01", periods=340)
    gap = prices["date"].isin(days[300:303])
    prices.loc[gap, ["open", "high", "low", "close", "adj_close", "volume"]] = np.nan
    texts = pd.DataFrame({"stock": "AAA", "day": days[300:304], "text": "x"})

    data = rows_of(prices, texts, index, macro).data

    assert data["day"].tolist() == [days[303]]
    closes = prices.set_index("date")["adj_close"]
    spanned = np.log(closes[days[303]] / closes[days[299]])
    assert data["prices"][0][-1, 0] == pytest.approx(spanned, rel=1e-5)


def test_a_day_without_trade_has_no_volume_in_the_series():
    prices, texts, index, macro = make_market()
    day = pd.bdate_range("2013-01-01", periods=340)[301]
    prices.loc[prices["date"] == day, "volume"] = 0.0

    data = rows_of(prices, texts, index, macro).data
    row = data[data["day"] == day].iloc[0]

    assert np.isnan(row["prices"][-1, 3])
    assert np.isfinite(row["prices"][:-1, 3]).all()


def test_a_number_is_known_from_its_publication_on():
    of_month = pd.Series([1.0, 2.0], index=pd.to_datetime(["2015-01-01", "2015-02-01"]))

    spread = macro_module.known_from(of_month, macro_module.SPREAD_LAG)
    consumer = macro_module.known_from(of_month, macro_module.PRICES_LAG)

    assert spread.index.tolist() == list(pd.to_datetime(["2015-02-07", "2015-03-07"]))
    assert consumer.index.tolist() == list(pd.to_datetime(["2015-02-20", "2015-03-20"]))


def test_a_macro_series_steps_on_the_day_of_publication():
    prices, texts, index, _ = make_market()
    day = pd.bdate_range("2013-01-01", periods=340)[250]
    dates = pd.DatetimeIndex(["2013-01-01", day])
    macro = pd.DataFrame({"rate": [1.0, 2.0]}, index=dates)

    data = rows_of(prices, texts, index, macro, n_days=10).data

    assert all((cell == 1).all() for cell in data["macro"][data["day"] < day])
    after = data[data["day"] > day].iloc[0]
    steps = index.loc[: after["day"]].tail(10).index
    np.testing.assert_array_equal(after["macro"][:, 0], np.where(steps < day, 1, 2))


def test_without_rows_it_says_what_is_missing():
    prices, texts, *_ = make_market(n_days=70)

    with pytest.raises(ValueError, match="no stock has a text on a day before which"):
        make_rows(prices, texts)
