"""Runs that tests of several commands look at, and the folder in which they are run."""

from pathlib import Path

import numpy as np
import pytest

from gradless.data.datasets import load
from helpers.commands import SMALL, Trained, succeed, write_table
from helpers.compiling import compiled_quickly
from helpers.customers import TARGET, churn


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path, monkeypatch):
    """Where the default run folders go."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")


def trained_in(folder: Path, *arguments: object) -> Trained:
    with compiled_quickly():
        return Trained(folder, succeed("train", *arguments, *SMALL, "--out", folder))


@pytest.fixture(scope="package")
def vertical(tmp_path_factory) -> Trained:
    """The chapter's easy data, in the plane."""
    folder = tmp_path_factory.mktemp("vertical") / "run"
    return trained_in(folder, "vertical")


@pytest.fixture(scope="package")
def iris(tmp_path_factory) -> Trained:
    """Measured data of four features and three classes."""
    folder = tmp_path_factory.mktemp("iris") / "run"
    return trained_in(folder, "iris", "--json")


@pytest.fixture(scope="package")
def numbers(tmp_path_factory) -> Trained:
    """A regression, from a CSV file beside the run folder."""
    place = tmp_path_factory.mktemp("numbers")
    x = np.random.default_rng(0).normal(size=(40, 2)).round(3)
    rows = [[a, b, round(2 * a - b, 4)] for a, b in x.tolist()]
    table = write_table(place / "numbers.csv", ["a", "b", "target"], rows)
    folder = place / "run"
    return trained_in(folder, table)


@pytest.fixture(scope="package")
def place(tmp_path_factory) -> Path:
    """The table as CSV and Parquet."""
    folder = tmp_path_factory.mktemp("churn")
    churn().to_csv(folder / "churn.csv", index=False)
    churn().to_parquet(folder / "churn.parquet", index=False)
    return folder


@pytest.fixture(scope="package")
def trained(place) -> Trained:
    folder = place / "run"
    return trained_in(folder, place / "churn.csv", *TARGET)


@pytest.fixture(scope="package")
def priced(place) -> Trained:
    """A regression with a category and gaps."""
    folder = place / "priced"
    arguments = ("--target", "spend", "--drop", "customer id", "--json")
    return trained_in(folder, place / "churn.csv", *arguments)


@pytest.fixture
def iris_table(tmp_path) -> Path:
    """The iris as a CSV file, its columns in another order and some more among them."""
    data = load("iris")
    header = ["species", "note", *reversed(data.feature_names), "row"]
    rows = [
        [data.class_names[target], "cut, dried", *reversed(features.tolist()), row]
        for row, (features, target) in enumerate(
            zip(data.features.astype(float).round(1), data.targets, strict=True)
        )
    ]
    return write_table(tmp_path / "iris.csv", header, rows)
