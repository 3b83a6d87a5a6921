"""What a card says of the data is what was made of them."""

import pytest

from gradless.runs.preparation import prepare
from gradless.runs.recipe import Recipe
from gradless.views.model_card import about

OWN, MEAN = "Each category has an input of its own", "more than 60 categories, the network sees"


@pytest.mark.parametrize(
    ("columns", "said"),
    [(["kind"], (True, False)), (["town"], (False, True)), (["kind", "town"], (True, True))],
)
def test_what_becomes_of_categories(tmp_path, columns, said):
    path = tmp_path / "table.csv"
    values = {"kind": "ab", "town": [f"t{k}" for k in range(70)]}
    lines = [
        ",".join([*(values[name][k % len(values[name])] for name in columns), str(k % 7 / 3)])
        for k in range(280)
    ]
    path.write_text("\n".join([",".join([*columns, "y"]), *lines, ""]), encoding="utf-8")
    prepared = prepare(
        Recipe(str(path), target="y", hidden=(2,), strategy="openai_es", task="regression")
    )
    text = "\n".join(about.data(prepared))
    assert (OWN in text, MEAN in text) == said
