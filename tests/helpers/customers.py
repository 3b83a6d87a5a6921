"""Tables as people have them."""

from pathlib import Path

import numpy as np
import pandas as pd

from helpers.commands import (
    Trained,
)

TARGET = ("--target", "churn", "--drop", "customer id")


def churn(rows: int = 240) -> pd.DataFrame:
    """Customers of whom some leave: numbers, categories, booleans, gaps and an identifier."""
    random = np.random.default_rng(0)
    age, plan = random.integers(18, 80, rows).astype(float), random.choice(["basic", "pro"], rows)
    spend = random.gamma(2, 30, rows).round(2)
    score = 0.06 * (age - 50) + 2 * (plan == "basic") - 0.03 * spend
    leaves = random.random(rows) < 1 / (1 + np.exp(-score))
    age[random.random(rows) < 0.1] = np.nan
    city = random.choice(["Oslo", "Rome", "Lyon | Sud"], rows).astype(object)
    city[random.random(rows) < 0.1] = None
    return pd.DataFrame(
        {
            "customer id": [f"C{k:04}" for k in range(rows)],
            "age": age,
            "city": city,
            "plan": plan,
            "newsletter": random.random(rows) < 0.5,
            "spend": spend,
            "churn": np.where(leaves, "yes", "no"),
        }
    )


def few_rows(name: str, classes: tuple[str, str] = ("0", "1")) -> None:
    """Write 40 rows of five inputs and two classes: the same shapes wherever such rows will do."""
    rows = (f"{k % 7},{k % 5},{k % 3},{k % 11},{k % 13},{classes[k % 2]}\n" for k in range(40))
    Path(name).write_text("a,b,c,d,e,y\n" + "".join(rows), encoding="utf-8")


def card_of(run: Trained) -> str:
    return (run.folder / "model_card.md").read_text(encoding="utf-8")
