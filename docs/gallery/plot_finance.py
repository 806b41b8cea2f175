"""
Financial risk: the volatility of the next five days
====================================================

How much will a stock move in the next five trading days? The rows are real: stocks on
days of 2014 and 2015 on which somebody tweeted about them (StockNet, Xu & Cohen 2018).
Known are the quarter of prices before, the market and the economy as it was published,
and the tweets of five days. The target is the log of realised volatility.

What a row knows ends with its day, and rows are divided in time, with a gap: two rows
of one stock on neighbouring days share four of the five days that are to be predicted.
"""

# %%
# Load the rows. The data is not part of the package; without it the page ends here.

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.impute import SimpleImputer
from sklearn.linear_model import Ridge
from sklearn.metrics import r2_score
from sklearn.model_selection import GridSearchCV, TimeSeriesSplit
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler, TargetEncoder

from sklearn_mm import (
    AttentionFusionRegressor,
    BagEncoder,
    MultimodalFeatureUnion,
    TextTransformer,
    TimeSeriesTransformer,
)
from sklearn_mm.datasets import fetch_stocknet
from sklearn_mm.inspection import ModalityImportanceDisplay, report

try:
    stocknet = fetch_stocknet()
except (OSError, ImportError) as error:
    print(f"This page needs data that is not here. {error}")
    raise SystemExit("the data is not here") from None

# %%
# Every fourth stock keeps the page short. A text is one line a tweet, the newest first,
# since what is too long is cut at its end.

names = np.unique(stocknet.data["stock"])[::4]
few = stocknet.data["stock"].isin(names).to_numpy()
X, y = stocknet.data[few], stocknet.target["log_volatility"][few]
X = X.assign(texts=X["texts"].map(lambda texts: "\n".join(texts[::-1])))
train, test = X["day"] < "2015-08-01", X["day"] >= "2015-10-01"
print(f"{train.sum():,} rows to learn from, {test.sum():,} to look at")

# %%
# **Baselines.** The classical forecast is a linear model of the volatility of the last
# day, week, month and quarter (HAR, Corsi 2009). More numbers, of the day's range, the
# market, and what happened in the same week of the last quarters, go into a second.

numbers = X.select_dtypes("float").columns.tolist()
har = [f"volatility_{n}" for n in (1, 5, 22, 66)]
linear = make_pipeline(SimpleImputer(), StandardScaler(), Ridge(100))
predicted = {
    "HAR": linear.fit(X.loc[train, har], y[train]).predict(X.loc[test, har]),
    "all numbers": linear.fit(X.loc[train, numbers], y[train]).predict(
        X.loc[test, numbers]
    ),
}

# %%
# **The fusion.** Four modalities: the stock, the market, the tweets, and who it is.

terms = stocknet.modalities
union = MultimodalFeatureUnion(
    [
        ("prices", TimeSeriesTransformer(max_steps=22, keep="last"), "prices"),
        ("price_terms", StandardScaler(), terms["price_terms"]),
        ("market", StandardScaler(), terms["market_terms"]),
        ("texts", TextTransformer(max_tokens=60, vocabulary_size=2000), "texts"),
        ("counts", StandardScaler(), terms["text_counts"]),
        (
            "identity",
            TargetEncoder(target_type="continuous", random_state=0),
            terms["identity"],
        ),
    ]
)
network = AttentionFusionRegressor(
    [("texts", BagEncoder(embedding_size=16, n_buckets=1024))],
    width=16,
    n_estimators=1,
    max_epochs=4,
    validation_split="last",
    random_state=0,
)
model = Pipeline([("features", union), ("network", network)])

# %%
# **A search in time.** Each fold trains on what came before; the gap leaves out as many
# rows as five trading days hold, whose targets reach into the days of the test.

rows_a_day = X[train].groupby("day").size()
gap = int(rows_a_day.rolling(5).sum().max())
search = GridSearchCV(
    model,
    {"network__modality_dropout": [0.1, 0.5]},
    cv=TimeSeriesSplit(n_splits=2, gap=gap),
    scoring="r2",
).fit(X[train], y[train])
print(pd.DataFrame(search.cv_results_)[["params", "mean_test_score"]])
predicted["fusion"] = search.predict(X[test])


# %%
# **What each is worth.** R2 asks for the level of every day; the rank correlation asks
# which stocks will move more than others on the same day.
def rank_correlation(predicted):
    of_days = pd.DataFrame({"p": predicted, "y": y[test]}).groupby(X.loc[test, "day"])
    return np.nanmean([day["p"].corr(day["y"], "spearman") for _, day in of_days])


scores = pd.DataFrame(
    {
        name: {"R2": r2_score(y[test], values), "rank": rank_correlation(values)}
        for name, values in predicted.items()
    }
).T
print(scores.round(3))

# %%
# The report is one page of HTML: here only its numbers and what the training did.

path = report(
    search,
    X[test],
    y[test],
    "finance_report.html",
    title="Volatility of stocks, October to December 2015",
    sections=["data", "scores", "training"],
    random_state=0,
)
path.unlink()  # keep it to read it

# %%
# **What went wrong.** R2 needs the level of the whole market, which nobody foresees: it
# falls where the weeks of the test are calmer or wilder than those that were trained
# on. The rank correlation, within a day, does not ask for it. Folds of shuffled rows
# would flatter every model, since the neighbours of a row share most of its target.
#
# **What not to conclude.** These are large companies in three months of one year. A
# tweet of a day may be younger than its close, so nobody could trade at that close on
# what it says. A rank correlation of volatilities is no gain in money. And in two years
# the economy took few values: too few to learn what they do.

figure, axes = plt.subplots(1, 2, figsize=(11, 4), layout="constrained")
scores.plot.barh(ax=axes[0], title="October to December 2015").invert_yaxis()
ModalityImportanceDisplay.from_estimator(
    search.best_estimator_,
    X[test],
    y[test],
    method="ablation",
    scoring="r2",
    n_bootstraps=50,
    random_state=0,
    ax=axes[1],
)
