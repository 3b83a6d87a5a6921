"""The benchmark of a character model: its text, what counting predicts, table and picture."""

import numpy as np
import pytest
from benchmarks.large import characters, text


def test_hardly_any_text_is_in_both_parts():
    train, held_out, symbols = text.topics()
    assert len(train) > 5 * len(held_out) > 5_000
    assert max(train.max(), held_out.max()) < symbols
    joined = train.tobytes()
    pieces = [held_out[at : at + 80] for at in range(0, len(held_out) - 80, 80)]
    # Paragraphs are there once, but some say nearly the same, as of the two kinds of loops.
    assert sum(piece.tobytes() in joined for piece in pieces) < 0.01 * len(pieces)
    chosen = text.topics(choose=True)
    np.testing.assert_array_equal(np.concatenate(chosen[:2]), train)


def test_counts_predict_by_the_rule_of_witten_and_bell():
    # Of 0 0 1 0: after 0 came 0 and 1, after 1 came 0.
    given = text.Text(np.array([0, 0, 1, 0]), np.array([0, 1, 0]), 2)
    single = [(3 + 2 * 0.5) / 6, (1 + 2 * 0.5) / 6]  # of 0 and of 1
    pairs = [(1 + 2 * single[1]) / 4, (1 + 1 * single[0]) / 2]  # of 1 after 0, of 0 after 1
    for order, shares in ((1, [single[1], single[0]]), (2, pairs)):
        expected = -np.mean(np.log2(shares))
        assert text.bits_by_counts(given, order, tokens=2) == pytest.approx(expected)


def test_every_curve_and_reference_is_in_table_and_picture(tmp_path):
    curves = {name: [[0, 6.0], [1000, 4.0], [10_000, 3.5]] for name in characters.SEARCHES}
    curves[characters.YARDSTICK] = [[0, 6.0], [1000, 3.0], [5000, 2.0]]
    found = {
        "parameters": 400_000, "characters": [339_009, 37_668], "settings": {"population": 512},
        "curves": curves, "processor_seconds": dict.fromkeys(curves, 60),
        "references": {"pairs": 3.44, "trigrams": 2.6},
    }  # fmt: skip
    assert "| attention, openai_es, rank 1 | 10,000 | 3.50 | 60 |" in characters.table(found)
    assert "| counts of trigrams | 339,009 | 2.60 | |" in characters.table(found)
    characters.draw(found, tmp_path / "characters.png")
    assert (tmp_path / "characters.png").stat().st_size > 20_000
