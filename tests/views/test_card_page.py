"""The page of a model card is one file that says what the card says."""

import re

import pytest

from gradless.views import style
from gradless.views.model_card import page

TEXT = """# Model card: a <b> & c

It predicts `x <script>alert(1)</script>` and **means it**.

| column | holds |
|---|---|
| Lyon \\| Sud | 2 \\<i\\> |

![roc](roc.png)
![wide](wide.png)

![gone](gone.png)
![up](../secret.png)

```sh
gradless predict run NEW.csv   # answers
```
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("page") / "run"
    for name, width in (("roc", 2), ("wide", 6)):
        figure = style.blank(width, 2)
        style.save(figure, folder / f"{name}.png")
        style.save(figure, folder.parent / "secret.png")
    return page.of(TEXT, folder)


def test_it_is_one_file_that_fetches_nothing_and_runs_nothing(made):
    assert made.startswith("<!DOCTYPE html>")
    assert not re.search(r"https?:|<script|<link|@import|url\(", made)
    sources = re.findall(r'src="([^"]{5})', made)
    assert sources == ["data:"] * 2


def test_pictures_are_in_it_with_their_sizes(made):
    assert '<img alt="roc" width="300" height="300" src="data:image/png;base64,' in made
    assert '<img class="wide" alt="wide" width="900" height="300"' in made
    assert made.count('<p class="pictures">') == 2
    assert "gone" in made  # what is not there is a word


def test_text_stays_text(made):
    assert "<title>Model card: a &lt;b&gt; &amp; c</title>" in made
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in made
    assert "<td>Lyon | Sud</td>" in made
    assert "<td>2 &lt;i&gt;</td>" in made
    assert "<strong>means it</strong>" in made
    assert "gradless predict run NEW.csv   # answers" in made
