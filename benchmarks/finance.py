"""Forecast the volatility of stocks by prices, market, economy and tweets.

StockNet (``sklearn_mm.datasets.fetch_stocknet``): the log realised volatility of the
next five trading days, of stocks on days with tweets, trained before August 2015 and
tested on October to December 2015. Beside the classical baselines stand a fusion of all
modalities, each modality alone, and all but one. A modality is what
``make_multimodal_union`` makes of its columns; what the TF-IDF weights of the tweets
say in a ridge is a part of the texts, out of fold by periods, not by shuffled rows: a
row shares four of its five days with its neighbour's.

Intervals are of 95 %, from blocks of five days drawn anew. With ``--validation`` the
test is April to July 2015, trained before the last week of March: for every choice.

    SKLEARN_MM_DATA=... python benchmarks/finance.py
"""

import argparse
import sys
import time
import warnings

import numpy as np
import pandas as pd
import report
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import mean_pinball_loss, r2_score, roc_auc_score
from sklearn.model_selection import KFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler, TargetEncoder

from sklearn_mm import (
    AttentionFusionClassifier,
    AttentionFusionRegressor,
    CrossFitTransformer,
    MultimodalFeatureUnion,
    make_multimodal_union,
)
from sklearn_mm.datasets import fetch_stocknet

HAR = [f"volatility_{n}" for n in (1, 5, 22, 66)]
LEVEL = 0.95  # of the quantile of volatility
N_DRAWS, BLOCK = 1000, 5
MODALITIES = ("prices", "market", "macro", "texts", "identity")
# train before, test from, test before
PERIODS = {
    "test": ("2015-08-01", "2015-10-01", "2016-01-01"),
    "validation": ("2015-03-24", "2015-04-01", "2015-08-01"),
}
NETWORK = {
    "validation_split": "last",
    "n_estimators": 1,
    "width": 32,
    "max_epochs": 3,
    "learning_rate": 1e-3,
}
N_STEPS = 5  # of the series; the numbers know what was before


def load(period, n_rows, seed):
    """Load the rows of a period: X, target and day of training and of test."""
    try:
        stocknet = fetch_stocknet()
    except (OSError, ImportError) as error:
        report.skip(str(error))
    day = stocknet.data["day"]
    stop, first, end = PERIODS[period]
    # The newest tweet first, since a text that is too long is cut at its end.
    joined = stocknet.data["texts"].map(lambda texts: "\n".join(texts[::-1]))
    X, train = stocknet.data.assign(texts=joined), np.flatnonzero(day < stop)
    if n_rows is not None and n_rows < len(train):
        chosen = np.random.default_rng(seed).choice(len(train), n_rows, replace=False)
        train = train[np.sort(chosen)]
    test = np.flatnonzero((day >= first) & (day < end))
    sides = [(X.iloc[rows], stocknet.target.iloc[rows]) for rows in (train, test)]
    return *sides, stocknet.modalities


def make_ridge(alpha=300):
    return make_pipeline(SimpleImputer(), StandardScaler(), Ridge(alpha))


def make_text_model(last):
    terms = TfidfVectorizer(
        min_df=10, sublinear_tf=True, max_features=30_000, token_pattern=r"[$\w]\w+"
    )
    return make_pipeline(terms, last)


def make_features(X, modalities):
    """Make the union: for each modality, what suits its columns."""
    columns_of = {
        "prices": modalities["prices"] + modalities["price_terms"],
        "market": modalities["market"] + modalities["market_terms"],
        "macro": modalities["macro"],
        "texts": modalities["text_counts"],
    }
    entries = []
    for name, columns in columns_of.items():
        union = make_multimodal_union(X[columns], classical=False, verbose=False)
        entries += [(f"{name}_{key}", *entry) for key, *entry in union.transformers]
    said = CrossFitTransformer(make_text_model(Ridge(30)), cv=KFold(5))
    entries.append(("texts_terms", said, "texts"))
    # Of one column a stock the linear model learns too much of two years by heart.
    names = TargetEncoder(target_type="continuous", random_state=0)
    entries.append(("identity_names", names, modalities["identity"]))
    union = MultimodalFeatureUnion(entries)
    for name in ("prices_prices", "market_market", "macro_macro"):
        union.set_params(**{f"{name}__max_steps": N_STEPS, f"{name}__keep": "last"})
    return union


def of_modality(features, names):
    """Take the parts of the union that belong to some modalities."""
    parts = [part for part in features.names if part.split("_")[0] in names]
    return features.select(parts)


def predict_volatility(train, test, features, numbers, seed):
    """Predict the test rows by every model: an array for each name."""
    (X, target), (X_test, _) = train, test
    y = target["log_volatility"]
    boosting = HistGradientBoostingRegressor(
        learning_rate=0.03, max_iter=200, max_leaf_nodes=8, min_samples_leaf=100
    )
    yield "HAR ridge", make_ridge(1).fit(X[HAR], y).predict(X_test[HAR])
    yield "HAR boosting", boosting.fit(X[HAR], y).predict(X_test[HAR])
    words = make_text_model(Ridge(30)).fit(X["texts"], y)
    yield "TF-IDF ridge", words.predict(X_test["texts"])
    yield "all numbers, ridge", make_ridge().fit(X[numbers], y).predict(X_test[numbers])
    chosen = boosting.fit(X[numbers], y).predict(X_test[numbers])
    yield "all numbers, boosting", chosen
    of_all = {"all": MODALITIES}
    of_all |= {f"only {name}": (name,) for name in MODALITIES}
    of_all |= {
        f"without {name}": tuple(other for other in MODALITIES if other != name)
        for name in MODALITIES
    }
    for name, chosen in of_all.items():
        model = AttentionFusionRegressor(**NETWORK, random_state=seed)
        model.fit(of_modality(features[0], chosen), y)
        yield f"fusion: {name}", model.predict(of_modality(features[1], chosen))


def predict_quantile(train, test, features, seed):
    """Predict the quantile of volatility: by its own loss, and by residuals."""
    y = train[1]["log_volatility"]
    # The last two months, which are after all that the residuals' model has seen.
    last = train[0]["day"] > train[0]["day"].max() - pd.Timedelta(days=60)
    early = train[0]["day"] <= train[0]["day"].max() - pd.Timedelta(days=67)
    ridge = make_ridge(1).fit(train[0].loc[early, HAR], y[early])
    residuals = y[last] - ridge.predict(train[0].loc[last, HAR])
    yield (
        "HAR ridge + residuals",
        ridge.predict(test[0][HAR]) + np.quantile(residuals, LEVEL),
    )
    model = AttentionFusionRegressor(
        loss="quantile", quantile=LEVEL, **NETWORK, random_state=seed
    )
    yield "fusion, loss='quantile'", model.fit(features[0], y).predict(features[1])


def predict_direction(train, test, features, numbers, seed):
    """Predict the probability that the price is higher after five days."""
    y = train[1]["up_5"]
    linear = make_pipeline(
        SimpleImputer(), StandardScaler(), LogisticRegression(C=0.01)
    )
    linear.fit(train[0][numbers], y)
    yield "all numbers, logistic", linear.predict_proba(test[0][numbers])[:, 1]
    words = make_text_model(LogisticRegression()).fit(train[0]["texts"], y)
    yield "TF-IDF, logistic", words.predict_proba(test[0]["texts"])[:, 1]
    model = AttentionFusionClassifier(**NETWORK, random_state=seed)
    model.fit(features[0], y)
    yield "fusion: all", model.predict_proba(features[1])[:, 1]


def rank_correlations(y, predicted, day):
    """Spearman's correlation over the stocks of each day."""
    ranks = pd.DataFrame({"y": y, "p": predicted}).groupby(day).rank()
    of_days = [part["y"].corr(part["p"]) for _, part in ranks.groupby(day)]
    return np.array(of_days)


def draw_days(day, seed):
    """Draw blocks of days anew: for each draw, how often each row stands in it."""
    _, place = np.unique(day, return_inverse=True)
    n_days = place.max() + 1
    starts = np.random.default_rng(seed).integers(
        0, n_days, (N_DRAWS, -(-n_days // BLOCK))
    )
    drawn = (starts[..., None] + np.arange(BLOCK)) % n_days
    return place, drawn.reshape(N_DRAWS, -1)[:, :n_days]


def interval(statistic, draws):
    """Take the middle 95 % of a statistic over the draws."""
    return np.nanquantile([statistic(days) for days in draws], [0.025, 0.975])


def score_volatility(y, predicted, day, draws, place, mean_rank):
    """Score one model, with intervals, and its R2 beside that of another."""
    by_day = pd.DataFrame({"error": (y - predicted) ** 2, "y": y, "y2": y**2, "n": 1.0})
    sums = by_day.groupby(place).sum().to_numpy()

    def r2(days):
        error, total, squares, n = sums[days].sum(axis=0)
        return 1 - error / (squares - total**2 / n)

    low, high = interval(r2, draws)
    ranks = rank_correlations(y, predicted, day)
    low_rank, high_rank = interval(lambda days: np.nanmean(ranks[days]), draws)
    differences = ranks - mean_rank
    worse, better = interval(lambda days: np.nanmean(differences[days]), draws)
    return {
        "R2": r2_score(y, predicted),
        "R2 interval": f"{low:.3f} to {high:.3f}",
        "rank": np.nanmean(ranks),
        "rank interval": f"{low_rank:.3f} to {high_rank:.3f}",
        "rank less all's": f"{worse:+.3f} to {better:+.3f}",
    }, (r2, ranks)


def tabulate_volatility(predicted, y, day, seed):
    """Make the table of all models, with what each loses beside the fusion of all."""
    place, draws = draw_days(day, seed)
    all_ranks = rank_correlations(y, predicted["fusion: all"], day)
    rows, r2_of = {}, {}
    for name, values in predicted.items():
        rows[name], (r2_of[name], _) = score_volatility(
            y, values, day, draws, place, all_ranks
        )
    for name, row in rows.items():
        low, high = interval(
            lambda days, name=name: r2_of[name](days) - r2_of["fusion: all"](days),
            draws,
        )
        row["R2 less all's"] = f"{low:+.3f} to {high:+.3f}"
    return pd.DataFrame.from_dict(rows, orient="index").round(3)


def tabulate_quantile(predicted, y, day, seed):
    """Make the table of pinball loss and coverage."""
    place, draws = draw_days(day, seed)
    rows = {}
    for name, values in predicted.items():
        covered = pd.DataFrame({"in": y <= values, "n": 1.0}).groupby(place).sum()
        sums = covered.to_numpy(dtype=float)
        low, high = interval(
            lambda days, sums=sums: np.divide(*sums[days].sum(axis=0)), draws
        )
        rows[name] = {
            "pinball": mean_pinball_loss(y, values, alpha=LEVEL),
            "coverage": np.mean(y <= values),
            "interval": f"{low:.3f} to {high:.3f}",
        }
    return pd.DataFrame.from_dict(rows, orient="index").round(4)


def tabulate_direction(predicted, y, day, seed):
    """Make the table of accuracy and AUC."""
    place, draws = draw_days(day, seed)
    rows_of = [np.flatnonzero(place == number) for number in range(place.max() + 1)]
    rows = {"always up": {"accuracy": np.mean(y == 1), "AUC": 0.5, "interval": ""}}
    for name, values in predicted.items():

        def auc(days, values=values):
            rows = np.concatenate([rows_of[number] for number in days])
            return roc_auc_score(y[rows], values[rows])

        low, high = interval(auc, draws)
        rows[name] = {
            "accuracy": np.mean((values > 0.5) == y),
            "AUC": roc_auc_score(y, values),
            "interval": f"{low:.3f} to {high:.3f}",
        }
    return pd.DataFrame.from_dict(rows, orient="index").round(3)


def collect(models):
    """Run models one by one and say on stderr how long each took."""
    predicted, start = {}, time.process_time()
    for name, values in models:
        predicted[name] = np.asarray(values)
        now = time.process_time()
        print(f"{name}: {now - start:.0f} s", file=sys.stderr, flush=True)
        start = now
    return predicted


def main():
    """Run all models and write the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--validation", action="store_true")
    parser.add_argument("--rows", type=int, help="training rows, drawn at random")
    parser.add_argument("--epochs", type=int, help="of the networks, for a quick look")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    period = "validation" if options.validation else "test"
    if options.epochs:
        NETWORK["max_epochs"] = options.epochs
    warnings.filterwarnings("ignore", message=".*texts are cut.*")
    *sides, modalities = load(period, options.rows, options.seed)
    (X, target), (X_test, test) = sides
    numbers = [c for names in modalities.values() for c in names]
    numbers = [name for name in numbers if X[name].dtype == float]
    union = make_features(X, modalities)
    features = union.fit_transform(X, target["log_volatility"]), union.transform(X_test)
    day, y = X_test["day"].to_numpy(), test["log_volatility"].to_numpy()
    seed = options.seed
    volatility = collect(predict_volatility(*sides, features, numbers, seed))
    quantile = collect(predict_quantile(*sides, features, seed))
    direction = collect(predict_direction(*sides, features, numbers, seed))
    directions = test["up_5"].to_numpy()
    report.write(
        "finance" if period == "test" else "finance_validation",
        f"StockNet: {len(X):,} training rows before {PERIODS[period][0]}, "
        f"{len(X_test):,} {period} rows from {PERIODS[period][1]} to before "
        f"{PERIODS[period][2]}, seed {seed}. Networks: {NETWORK}.\n"
        "rank: mean over the days of Spearman's correlation over the stocks. Intervals "
        "of 95 % from blocks of\nfive days drawn anew; of differences to the fusion of "
        "all, paired.\n\n"
        "Log volatility of the next five trading days\n"
        f"{tabulate_volatility(volatility, y, day, seed).to_string()}\n\n"
        f"Its quantile of {LEVEL:.0%}\n"
        f"{tabulate_quantile(quantile, y, day, seed).to_string()}\n\n"
        "Direction of the return over five days\n"
        f"{tabulate_direction(direction, directions, day, seed).to_string()}",
    )


if __name__ == "__main__":
    main()
