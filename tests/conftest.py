"""What several files of tests start from."""

import os

# Before jax is imported: two devices are enough for a population to be spread.
os.environ.setdefault("JAX_NUM_CPU_DEVICES", "2")
# Tests leave the user's folders alone.
os.environ.setdefault("GRADLESS_CACHE", "off")

import pytest

from gradless import objectives
from gradless.data import Dataset, load
from gradless.evaluate import SupervisedProblem
from gradless.models import MLP


@pytest.fixture(scope="session")
def vertical() -> Dataset:
    """The chapter's easy data: 300 samples, 2 features, 3 classes."""
    return load("vertical")


@pytest.fixture(scope="session")
def model() -> MLP:
    """The chapter's network, 21 parameters."""
    return MLP((2, 3, 3))


@pytest.fixture(scope="session")
def problem(vertical: Dataset, model: MLP) -> SupervisedProblem:
    """The chapter's task."""
    return SupervisedProblem.of(vertical, model, objectives.get("cross_entropy"))


@pytest.fixture
def without_pictures(monkeypatch):
    """Drawing takes most of the time of a short run."""
    monkeypatch.setattr("gradless.report.draw", lambda *_: [])
