import io

import numpy as np
import pandas as pd
import pytest

from sklearn_mm.datasets import load_prices_and_texts

DATES = pd.bdate_range("2024-01-01", periods=90)
CLOSE = 100 + np.sin(np.arange(90.0))


@pytest.fixture
def prices():
    return pd.DataFrame(
        {
            "stock": "ABC",
            "date": DATES.strftime("%Y-%m-%d"),
            "open": CLOSE,
            "high": CLOSE + 1,
            "low": CLOSE - 1,
            "close": CLOSE,
            "volume": 1000,
        }
    )


@pytest.fixture
def texts():
    days = DATES[[70, 71, 71]].strftime("%Y-%m-%d")
    said = ["up", "down", "and up"]
    return pd.DataFrame({"stock": "ABC", "day": days, "text": said})


def csv(table):
    return io.StringIO(table.to_csv(index=False))


def load(prices, texts, **tables):
    options = {
        name: csv(table) if isinstance(table, pd.DataFrame) else table
        for name, table in tables.items()
    }
    return load_prices_and_texts(csv(prices), csv(texts), **options)


def test_files_become_rows_of_windows(prices, texts, tmp_path):
    prices.sample(frac=1, random_state=0).to_csv(tmp_path / "p.csv", index=False)
    texts.to_csv(tmp_path / "t.csv", index=False)

    rows = load_prices_and_texts(tmp_path / "p.csv", str(tmp_path / "t.csv"))

    assert rows.data["day"].tolist() == list(DATES[70:72])
    assert rows.data["texts"].tolist() == [["up"], ["up", "down", "and up"]]
    changes = np.diff(np.log(CLOSE))
    np.testing.assert_allclose(
        rows.data["prices"][0][:, 0], changes[70 - 66 : 70], atol=1e-6
    )
    wanted = np.log(np.sqrt(np.mean(changes[70:75] ** 2)) + 1e-4)
    assert rows.target["log_volatility"][0] == pytest.approx(wanted)


def test_the_adjusted_close_is_taken_where_there_is_one(prices, texts):
    adjusted = load(prices.assign(adj_close=CLOSE**2), texts)

    plain = load(prices, texts)

    np.testing.assert_allclose(
        adjusted.data["prices"][0][:, 0], 2 * plain.data["prices"][0][:, 0], atol=1e-6
    )


def test_sector_market_and_macro_are_added(prices, texts):
    market = pd.DataFrame(
        {"date": DATES, "high": CLOSE + 2, "low": CLOSE, "close": CLOSE + 1, "vix": 20}
    )
    macro = pd.DataFrame({"date": [DATES[0], DATES[71]], "rate": [1.5, 2.5]})
    sectors = pd.DataFrame({"stock": ["ABC"], "sector": ["Steel"]})

    rows = load(prices, texts, sectors=sectors, market=market, macro=macro, n_days=10)

    assert rows.data["sector"].tolist() == ["Steel", "Steel"]
    assert rows.data["vix"].tolist() == pytest.approx([np.log(20)] * 2)
    market_returns = np.diff(np.log(CLOSE + 1))
    np.testing.assert_allclose(
        rows.data["market"][0][:, 0], market_returns[60:70], atol=1e-6
    )
    assert [cell[-1, 0] for cell in rows.data["macro"]] == [1.5, 2.5]


def test_rows_to_predict_are_kept_where_no_label_is_asked_for(prices, texts):
    texts.loc[len(texts)] = ["ABC", str(DATES[-1].date()), "today"]

    rows = load(prices, texts, labelled=False)

    assert rows.data["day"].iloc[-1] == DATES[-1]
    assert np.isnan(rows.target["log_volatility"].iloc[-1])
    assert len(load(prices, texts).data) == len(rows.data) - 1


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("close", 0.0, r"prices: row 7: prices must be above 0"),
        ("high", 1.0, r"prices: row 7: high is below low"),
        ("volume", "many", r"prices: column 'volume', row 7: 'many' is no finite num"),
        ("date", "someday", r"prices: column 'date', row 7: 'someday' is no date"),
        ("date", "2024-01-08", r"prices: row 7: the same stock and date stand there"),
    ],
)
def test_a_row_that_cannot_be_right_is_named(prices, texts, column, value, message):
    prices[column] = prices[column].astype(object)
    prices.loc[7, column] = value

    with pytest.raises(ValueError, match=message):
        load(prices, texts)


def test_a_missing_column_is_named(prices, texts):
    with pytest.raises(ValueError, match=r"prices: the columns \['volume'\] are miss"):
        load(prices.drop(columns="volume"), texts)


def test_a_time_of_another_zone_is_refused_since_its_day_is_unsure(prices, texts):
    texts.loc[1, "day"] = "2024-04-09T23:00:00+00:00"

    with pytest.raises(ValueError, match=r"texts: column 'day', row 1: .* time of a z"):
        load(prices, texts)


def test_rows_with_empty_cells_are_left_out(prices, texts):
    prices.loc[80, "close"] = np.nan
    texts.loc[0, "text"] = None

    rows = load(prices, texts)

    assert rows.data["day"].tolist() == [DATES[71]]
    assert rows.data["texts"].tolist() == [["down", "and up"]]
