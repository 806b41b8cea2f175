import importlib.util
import sys

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import Ridge
from sklearn.metrics import r2_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_mm.datasets import fetch_stocknet
from sklearn_mm.datasets._home import find_in_homes
from sklearn_mm.datasets.markets import stocknet as module

needs_files = pytest.mark.skipif(
    find_in_homes("stocknet/prices.parquet") is None
    or importlib.util.find_spec("pyarrow") is None,
    reason="stocknet/ is not there: set SKLEARN_MM_DATA to the folder that holds it",
)
needs_arch = pytest.mark.skipif(
    importlib.util.find_spec("arch") is None,
    reason="arch is not there: pip install --no-deps arch==8.0.0",
)


@pytest.fixture(scope="module")
def stocknet():
    return fetch_stocknet(macro=False)


@needs_files
def test_a_row_is_a_stock_on_a_trading_day_with_tweets(stocknet):
    data = stocknet.data
    tweets = pd.read_parquet(find_in_homes("stocknet/tweets.parquet"))
    days = set(zip(tweets["stock"], tweets["day"], strict=True))

    assert not data.duplicated(["stock", "day"]).any()
    assert all(key in days for key in zip(data["stock"], data["day"], strict=True))
    assert data["day"].between("2015-10-01", "2015-12-31").sum() == 2518
    assert (data["day"] < "2015-08-01").sum() == 15_177


@needs_files
def test_past_volatilities_in_a_ridge_have_the_scores_that_others_found(stocknet):
    # R2 .131 and a mean daily rank correlation of .484, found by other code.
    X = stocknet.data[[f"volatility_{n}" for n in (1, 5, 22, 66)]]
    y, day = stocknet.target["log_volatility"], stocknet.data["day"]
    train, test = day < "2015-08-01", day >= "2015-10-01"
    model = make_pipeline(StandardScaler(), Ridge()).fit(X[train], y[train])

    predicted = pd.Series(model.predict(X[test]), index=y[test].index)

    ranks = pd.DataFrame({"p": predicted, "y": y[test]}).groupby(day[test])
    correlations = [part.corr("spearman").loc["p", "y"] for _, part in ranks]
    assert r2_score(y[test], predicted) == pytest.approx(0.131, abs=0.002)
    assert np.nanmean(correlations) == pytest.approx(0.484, abs=0.003)


@needs_files
def test_no_target_stands_among_the_features(stocknet):
    columns = [name for names in stocknet.modalities.values() for name in names]

    assert not set(columns) & set(stocknet.target_names)
    assert set(stocknet.data) == {"day", *columns}
    assert list(stocknet.frame) == [*stocknet.data, *stocknet.target_names]
    assert stocknet.target.notna().all(axis=None)


@needs_files
@needs_arch
def test_the_market_and_the_economy_are_there_on_every_row():
    with_macro = fetch_stocknet(n_days=5)
    data = with_macro.data

    assert data["market"].map(np.shape).unique().tolist() == [(5, 3)]
    assert data["macro"].map(np.shape).unique().tolist() == [(5, 3)]
    # As the files of arch have them: the VIX of the day, and the yields of June,
    # which are known in July from the 7th on.
    last = data[data["day"] == "2015-07-20"]["market"].iloc[0][-1]
    assert last[2] == pytest.approx(np.log(12.25), abs=0.01)
    spreads = {"2015-07-06": 4.89 - 3.98, "2015-07-07": 5.13 - 4.19}
    for day, spread in spreads.items():
        last = data[data["day"] == day]["macro"].iloc[0][-1]
        assert last[1] == pytest.approx(spread, abs=1e-4)


def test_what_is_not_there_is_refused_with_where_to_put_it(tmp_path):
    wanted = "prices.parquet is not there: put a table of 108,592 rows"
    with pytest.raises(OSError, match=wanted) as error:
        fetch_stocknet(data_home=tmp_path)

    assert str(tmp_path / "stocknet" / "prices.parquet") in str(error.value)
    assert module.SOURCE in str(error.value)


def test_another_table_is_refused(tmp_path):
    pytest.importorskip("pyarrow")
    (tmp_path / "stocknet").mkdir()
    table = pd.DataFrame({"stock": ["A"], "price": [1.0]})
    table.to_parquet(tmp_path / "stocknet" / "prices.parquet")

    with pytest.raises(OSError, match=r"is not that of StockNet: found 1 rows of"):
        fetch_stocknet(data_home=tmp_path)


def test_a_damaged_file_is_refused(tmp_path):
    pytest.importorskip("pyarrow")
    (tmp_path / "stocknet").mkdir()
    (tmp_path / "stocknet" / "prices.parquet").write_bytes(b"PAR1 no more")

    with pytest.raises(OSError, match="replace it"):
        fetch_stocknet(data_home=tmp_path)


@needs_files
def test_without_arch_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "arch", None)

    with pytest.raises(ImportError, match=r"pip install --no-deps arch==8\.0\.0"):
        fetch_stocknet()
