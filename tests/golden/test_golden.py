"""The same seed gives the same bits as before; ``python -m tests.golden`` compares all of them."""

import os
import random
import subprocess
import sys
from pathlib import Path

import pytest
from tests.golden import arguments
from tests.golden.digests import Kept

COMPILES_AS_USERS_DO = True  # bits are compared
ROOT = Path(__file__).parents[2]


def test_searches_give_the_bits_that_they_gave(capsys) -> None:
    """In a process of its own, in any order, whatever the hashes of texts; some for all of them."""
    order = random.SystemRandom().randrange(2**32)
    done = subprocess.run(
        [sys.executable, "-m", "tests.golden", "--only", "search: rows", "--order", str(order)],
        cwd=ROOT, env={**os.environ, "PYTHONHASHSEED": str(order)},
        capture_output=True, text=True,
    )  # fmt: skip
    if "has no digests" in done.stdout:
        with capsys.disabled():
            print(f"\n{done.stdout.strip()}")
    assert done.returncode == 0, f"order {order}\n{done.stdout}{done.stderr}"


def test_the_file_holds_what_it_was_given(tmp_path) -> None:
    kept = Kept()
    found = {"b: rows": "state 1", 'a: "x"': "state 2"}
    assert kept.update("here", found, dict.fromkeys(found, 1.5), "new", {*found}) == [*found]
    kept.write(tmp_path / "digests.toml")
    again = Kept.read(tmp_path / "digests.toml")
    assert again == kept
    assert again.of("here", "b: rows", uses_lapack=False) == "state 1"
    assert again.of("there", "b: rows", uses_lapack=False) is None
    # One case is one line.
    assert '"b: rows" = "state 1"' in (tmp_path / "digests.toml").read_text().splitlines()


def test_what_changes_is_forgotten_where_it_was_not_recorded_again() -> None:
    kept = Kept()
    first = {"a": "1", "b": "1", "gone": "1"}
    for key in ("here", "there"):
        kept.update(key, first, dict.fromkeys(first, 0.0), "new", {*first})
    assert kept.update("here", {"a": "2", "b": "1"}, {"a": 5.0}, "better", {"a", "b"}) == ["a"]
    assert kept.digests == {"here": {"a": "2", "b": "1"}, "there": {"b": "1"}}
    assert kept.losses == {"a": 5.0, "b": 0.0}
    assert kept.log[-1] == {"key": "here", "changed": "1 of 2 cases", "why": "better"}


def test_another_linear_algebra_is_another_version(monkeypatch) -> None:
    kept = Kept()
    kept.update("here", {"a": "1"}, {"a": 0.0}, "new", {"a"})
    monkeypatch.setattr("tests.golden.digests.scipy.__version__", "0.1")
    assert kept.of("here", "a", uses_lapack=True) is None
    assert kept.of("here", "a", uses_lapack=False) == "1"


def test_no_digest_is_recorded_without_a_reason(capsys) -> None:
    with pytest.raises(SystemExit) as ended:
        arguments.given("", "here", ["--update"])
    assert ended.value.code == 2
    assert 'expected --why "..."' in capsys.readouterr().err
    assert arguments.given("", "here", ["--update", "--why", "better"]).update
