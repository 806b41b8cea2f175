"""The page on financial risk runs, and ends in order where its data is not."""

import importlib.util
import runpy
from pathlib import Path

import pandas as pd
import pytest
from sklearn.utils import Bunch

from sklearn_mm import AttentionFusionRegressor, datasets
from sklearn_mm.datasets._home import find_in_homes

PAGE = Path(__file__).parents[2] / "docs" / "gallery" / "plot_finance.py"

needs_data = pytest.mark.skipif(
    find_in_homes("stocknet/prices.parquet") is None
    or importlib.util.find_spec("arch") is None
    or importlib.util.find_spec("pyarrow") is None,
    reason="needs stocknet/ in SKLEARN_MM_DATA, pyarrow, and arch",
)


@needs_data
def test_the_page_runs_on_few_rows(monkeypatch, tmp_path):
    pytest.importorskip("matplotlib").use("agg")
    from matplotlib import pyplot as plt

    whole = datasets.fetch_stocknet(n_days=22)
    stocks = whole.data["stock"].value_counts().index[:24]  # the page takes a quarter
    few = whole.data["stock"].isin(stocks) & (whole.data["day"] > "2015-05-01")
    sample = Bunch(
        data=whole.data[few].reset_index(drop=True),
        target=whole.target[few].reset_index(drop=True),
        modalities=whole.modalities,
    )
    monkeypatch.setattr(datasets, "fetch_stocknet", lambda: sample, raising=False)
    fit = AttentionFusionRegressor.fit
    monkeypatch.setattr(
        AttentionFusionRegressor,
        "fit",
        lambda self, *args, **options: fit(
            self.set_params(max_epochs=1), *args, **options
        ),
    )
    monkeypatch.chdir(tmp_path)

    page = runpy.run_path(str(PAGE))

    assert page["scores"].index.tolist() == ["HAR", "all numbers", "fusion"]
    assert page["scores"].notna().all(axis=None)
    assert page["X"]["day"][page["train"]].max() < pd.Timestamp("2015-08-01")
    assert page["gap"] > 0
    plt.close("all")


def test_the_page_says_what_is_missing_and_stops(monkeypatch, tmp_path, capsys):
    pytest.importorskip("matplotlib").use("agg")
    monkeypatch.setenv("SKLEARN_MM_DATA", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))

    with pytest.raises(SystemExit, match="the data is not here"):
        runpy.run_path(str(PAGE))

    assert "prices.parquet is not there" in capsys.readouterr().out
