# %% [markdown]
# # A table, a rare class, and a metric that has no gradient
#
# Whom shall we call? A shop knows its customers by a table: numbers, categories, gaps. A few of
# them would buy if they were called. A call costs money, a sale brings some. What counts is the
# profit, or as a common stand-in F1, the balance of calls that hit and buyers that are found.
# Neither has a gradient, so the usual way is to train for something else (log loss) and then move
# the threshold. Here we train for the metric itself, and compare the two ways honestly.
#
# Run it as a script, `python practitioner.py`, or open it as a notebook in VS Code, Spyder or
# Jupyter (with jupytext). It needs pandas beside gradless. All files go to the folder
# `runs/practitioner`.

# %%
import shlex
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer, make_column_selector
from sklearn.datasets import make_classification
from sklearn.exceptions import ConvergenceWarning
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score, make_scorer
from sklearn.model_selection import (
    StratifiedKFold,
    TunedThresholdClassifierCV,
    cross_validate,
    train_test_split,
)
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from gradless import GradientFreeClassifier
from gradless.views import style

FOLDER = Path("runs/practitioner")
FOLDER.mkdir(parents=True, exist_ok=True)
RUN = "f1"
COST_OF_CALL, VALUE_OF_SALE = 4, 40

# %% [markdown]
# ## 1. The table
#
# scikit-learn draws it, always the same one. Few of the customers would buy. Two of the columns
# are cut into categories, and two have gaps; incomes are missing more often for those who buy, as
# real gaps rarely are an accident.


# %%
def customers(rows=2_000, seed=0):
    """A table of customers and whether they buy, 1 or 0."""
    values, buys = make_classification(
        rows, 8, n_informative=5, n_redundant=1, weights=[0.94], flip_y=0.01, class_sep=1.2,
        n_clusters_per_class=2, random_state=seed,
    )  # fmt: skip
    generator = np.random.default_rng(seed)
    table = pd.DataFrame(
        values[:, :6], columns=["age", "income", "visits", "basket", "returns", "tenure"]
    )
    table["age"] = (45 + 12 * table["age"]).round().clip(18, 95)
    table["income"] = (3_000 + 600 * table["income"]).round(-1)
    table["region"] = pd.qcut(values[:, 6], 5, labels=["north", "west", "centre", "south", "east"])
    table["channel"] = pd.qcut(values[:, 7], 3, labels=["shop", "app", "post"])
    table[["region", "channel"]] = table[["region", "channel"]].astype(object)
    table.loc[generator.random(rows) < 0.05 + 0.15 * buys, "income"] = np.nan
    table.loc[generator.random(rows) < 0.08, "channel"] = np.nan
    return table, buys


table, buys = customers()
print(table.head())
print(f"{len(table):,} customers, {buys.mean():.1%} buy")
print("share of cells that are empty:", table.isna().mean().round(3).to_dict())

# %% [markdown]
# A fifth of the customers is put aside and looked at once, at the very end.

# %%
table, table_test, buys, buys_test = train_test_split(
    table, buys, test_size=0.2, stratify=buys, random_state=0
)


# %% [markdown]
# ## 2. What is wanted
#
# The profit is a plain function of the true answers and the predicted ones; that is all a metric
# has to be.


# %%
def profit(y_true, y_predicted):
    """Money earned per 1,000 customers when everybody predicted to buy is called."""
    called = y_predicted == 1
    sales = np.sum(called & (y_true == 1))
    return 1_000 * (VALUE_OF_SALE * sales - COST_OF_CALL * np.sum(called)) / len(y_true)


print(f"call nobody: {profit(buys, np.zeros_like(buys)):.0f}")
print(f"call everybody: {profit(buys, np.ones_like(buys)):.0f}")
print(f"call exactly the buyers: {profit(buys, buys):.0f}")

# %% [markdown]
# ## 3. The candidates
#
# All of them get the same pipeline: gaps become the median (and an input of their own says that
# there was one), categories become one input each, numbers are scaled.


# %%
def pipeline(classifier):
    """What makes inputs of the columns, and a classifier behind it."""
    numbers = make_pipeline(SimpleImputer(strategy="median", add_indicator=True), StandardScaler())
    categories = make_pipeline(
        SimpleImputer(strategy="constant", fill_value="none"),
        OneHotEncoder(handle_unknown="ignore"),
    )
    columns = ColumnTransformer(
        [
            ("numbers", numbers, make_column_selector(dtype_include="number")),
            ("categories", categories, make_column_selector(dtype_include=object)),
        ],
        sparse_threshold=0,  # dense inputs
    )
    return make_pipeline(columns, classifier)


def tuned(classifier, scoring):
    """A classifier whose threshold is chosen by cross-validation inside of the training data."""
    return TunedThresholdClassifierCV(pipeline(classifier), scoring=scoring, cv=3, random_state=0)


in_money = make_scorer(profit)
logistic = LogisticRegression(max_iter=1_000)
network = MLPClassifier(hidden_layer_sizes=(16,), random_state=0)
for_f1 = GradientFreeClassifier(hidden_layer_sizes=(16,), objective="f1", random_state=0)
for_profit = GradientFreeClassifier(
    hidden_layer_sizes=(16,),
    objective=profit,
    greater_is_better=True,
    max_evaluations=10_000,  # of a function in Python, which takes its time
    random_state=0,
)
candidates = {
    "LogisticRegression": pipeline(logistic),
    "LogisticRegression, threshold for F1": tuned(logistic, "f1"),
    "LogisticRegression, threshold for profit": tuned(logistic, in_money),
    "MLPClassifier": pipeline(network),
    "MLPClassifier, threshold for F1": tuned(network, "f1"),
    "MLPClassifier, threshold for profit": tuned(network, in_money),
    "gradless, trained for F1": pipeline(for_f1),
    "gradless, trained for profit": pipeline(for_profit),
}

# %% [markdown]
# ## 4. The comparison
#
# Cross-validation: every candidate is trained on the same parts of the table and scored on the
# rest. gradless has a network of the size that `MLPClassifier` has, and everything else is as it
# comes. The table shows the score on the rows that were trained on, too: with few buyers, a
# network that is trained for exactly what is counted may learn them by heart.

# %%
folds = StratifiedKFold(n_splits=3, shuffle=True, random_state=0)
scoring = {"F1": "f1", "profit": in_money}
results = {}
print(f"{'':42} {'F1':>10} {'trained on':>11} {'profit':>12} {'trained on':>11} {'a fit':>7}")
with warnings.catch_warnings():
    # MLPClassifier says that 200 epochs, its default, were not enough; the defaults are compared.
    warnings.simplefilter("ignore", ConvergenceWarning)
    for name, candidate in candidates.items():
        found = cross_validate(
            candidate, table, buys, cv=folds, scoring=scoring, return_train_score=True
        )
        results[name] = {quantity: found[f"test_{quantity}"] for quantity in scoring}
        mean = {key: values.mean() for key, values in found.items()}
        error = {key: values.std(ddof=1) for key, values in found.items()}
        print(
            f"{name:42} {mean['test_F1']:.2f} ± {error['test_F1']:.2f} {mean['train_F1']:11.2f}"
            f" {mean['test_profit']:6.0f} ± {error['test_profit']:3.0f}"
            f" {mean['train_profit']:11.0f} {np.median(found['fit_time']):5.2f} s"
        )

# %% [markdown]
# The number after ± is the standard deviation over the folds; the time is their median, because
# the first fit of gradless compiles for some seconds, and the later ones do not. The same as a
# picture: a dot is the mean, the small marks are the folds.

# %%
figure = style.blank(11, 4.4, "constrained")
for axes, quantity in zip(figure.subplots(1, 2, sharey=True), scoring, strict=True):
    for row, (name, scores) in enumerate(reversed(results.items())):
        color = style.PALETTE[0] if name.startswith("gradless") else style.GRADIENTS
        axes.plot(scores[quantity], [row] * len(scores[quantity]), "|", color=color, markersize=12)
        axes.plot(scores[quantity].mean(), row, "o", color=color, markersize=9)
    axes.set_yticks(range(len(results)), reversed(results))
    axes.set_xlabel(quantity if quantity == "F1" else "profit per 1,000 customers")
    axes.xaxis.set_major_formatter("{x:.2f}" if quantity == "F1" else "{x:,.0f}")
    style.plain_axes(axes, grid="y")
figure.suptitle("Cross-validated: on rows that were not trained on")
style.save(figure, FOLDER / "comparison.png")

# %% [markdown]
# How to read it:
#
# - Compare what is fair to compare: tuned thresholds with networks that were trained for the
#   metric. A threshold of one half is made for accuracy, and a rare class suffers from it.
# - Folds differ. Where the marks of two candidates overlap, this table does not tell them apart.
# - Where the score on the rows trained on is far above the other one, the rows were learnt by
#   heart: fewer evaluations, fewer neurons or more rows help.
# - Where a tuned threshold is as good, take it: it is simpler, and quicker to fit. Training for
#   the metric itself is for what no threshold can do: costs that differ from customer to customer,
#   several classes with a matrix of costs, a metric of a whole ranking, a network that nobody can
#   differentiate.
#
# Last, the customers that were put aside, for the best candidate by profit and for the best one of
# gradless.

# %%
by_profit = sorted(results, key=lambda name: -results[name]["profit"].mean())
best_of_gradless = next(name for name in by_profit if name.startswith("gradless"))
with warnings.catch_warnings():
    warnings.simplefilter("ignore", ConvergenceWarning)
    for name in dict.fromkeys([by_profit[0], best_of_gradless]):
        answers = candidates[name].fit(table, buys).predict(table_test)
        f1, money = f1_score(buys_test, answers), profit(buys_test, answers)
        print(f"{name}: F1 {f1:.2f}, profit {money:.0f}")

# %% [markdown]
# ## 5. The same from the command line
#
# A colleague does not write Python. The table goes to a file, gaps and categories as they are:
# `gradless train` makes the same kind of inputs of them by itself. F1 is of the class that comes
# second, by alphabet: "no", "yes". (A profit of your own needs Python; the names that the command
# line knows are in `gradless train --help`.)


# %%
def run(command):
    """Run a command, show it and what it says."""
    print(f"$ {command}")
    done = subprocess.run(
        [sys.executable, "-m", *shlex.split(command)], capture_output=True, text=True, cwd=FOLDER
    )
    print(done.stdout + done.stderr)
    done.check_returncode()


table.assign(buys=np.where(buys == 1, "yes", "no")).to_csv(FOLDER / "customers.csv", index=False)
table_test.assign(buys=np.where(buys_test == 1, "yes", "no")).to_csv(
    FOLDER / "later.csv", index=False
)
new = pd.concat([table_test[buys_test == 1].head(3), table_test[buys_test == 0].head(3)])
new.to_csv(FOLDER / "new.csv", index=False)

run(
    "gradless train customers.csv --target buys --objective f1 --hidden 16 --evaluations 20000"
    f" --out {RUN}"
)

# %% [markdown]
# It has kept a quarter of the rows aside by itself, to test the network at the end. We have more
# rows with answers, which `evaluate` measures with intervals. `predict` needs no answers: here are
# three buyers and three others.

# %%
run(f"gradless evaluate {RUN} later.csv")
run(f"gradless predict {RUN} new.csv")

# %% [markdown]
# The run has left a folder: the network, the pictures, and a model card that says what was trained
# on which data, how good it is and how to use it. It begins so:

# %%
card = (FOLDER / RUN / "model_card.md").read_text(encoding="utf-8")
print("\n".join(card.splitlines()[:30]))
print("files:", *sorted(path.name for path in (FOLDER / RUN).iterdir()))
