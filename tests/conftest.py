"""What several files of tests start from."""

import gc
import os
import random
import shutil
import tempfile

# Before jax is imported: two devices are enough for a population to be spread.
os.environ.setdefault("JAX_NUM_CPU_DEVICES", "2")
# With a limit, JAX looks at every program that it keeps before it keeps another one: 0.1 s for
# each of the thousands that these tests compile.
os.environ.setdefault("JAX_COMPILATION_CACHE_MAX_SIZE", "-1")

import pytest
from hypothesis import HealthCheck, settings

from gradless import objectives
from gradless._core import compilation_cache
from gradless.data.datasets import Dataset, load
from gradless.models.mlp import MLP
from gradless.problems.supervised import SupervisedProblem
from helpers.compiling import compiled_quickly
from helpers.unit_tier import UnitTier

_IS_WORKER = "PYTEST_XDIST_WORKER" in os.environ


def pytest_addoption(parser):
    """``--unit``, ``--order`` to find out what depends on the order, ``--no-skips``."""
    parser.addoption("--unit", action="store_true", help="end tests that would take seconds")
    parser.addoption("--order", type=int, help="seed of another order of files, and tests in them")
    parser.addoption("--no-skips", action="store_true", help="fail if a test is skipped")


@pytest.hookimpl(tryfirst=True)  # afterwards, tests that share a fixture are brought together
def pytest_collection_modifyitems(config, items):
    """Put files, and the tests of each, into another order if that is wanted."""
    seed = config.getoption("--order")
    if seed is not None:
        chance = random.Random(seed)
        place = {path: chance.random() for path in dict.fromkeys(item.path for item in items)}
        items.sort(key=lambda item: (place[item.path], chance.random()))


def pytest_configure(config):
    """Share what is compiled among all tests and the commands that they run: most of their time.

    In a folder of their own, so that they leave the user's alone; one that is kept if
    GRADLESS_TESTS_CACHE names it, for runs that are repeated.
    """
    # The same examples every time, however slow the machine is; others with another order.
    settings.register_profile(
        "tests",
        max_examples=20 if config.getoption("--unit") else 100,
        deadline=None,
        derandomize=config.getoption("--order") is None,
        database=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
    settings.load_profile("tests")
    # Programs are millions of objects that stay, which the collector would visit again and again.
    gc.set_threshold(100_000, 50, 100)
    if not _IS_WORKER:
        kept = os.environ.get("GRADLESS_TESTS_CACHE")
        os.environ["GRADLESS_CACHE"] = kept or tempfile.mkdtemp(prefix="gradless-tests-")
    compilation_cache.enable()
    if config.getoption("--unit"):
        config.pluginmanager.register(UnitTier(), "unit tier")


def pytest_sessionfinish(session):
    """Where all packages are said to be there, a skipped test is one that nobody runs."""
    shown = session.config.pluginmanager.get_plugin("terminalreporter")
    if session.config.getoption("--no-skips") and shown.stats.get("skipped"):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_unconfigure():
    """Delete that folder, in the process that has made it."""
    if not _IS_WORKER and "GRADLESS_TESTS_CACHE" not in os.environ:
        shutil.rmtree(os.environ["GRADLESS_CACHE"], ignore_errors=True)


@pytest.fixture(autouse=True, scope="module")
def _compile_quickly(request):
    """Unless what is compiled must be what users run, which a module of tests says."""
    if getattr(request.module, "COMPILES_AS_USERS_DO", False):
        yield
        return
    with compiled_quickly():
        yield


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
    monkeypatch.setattr("gradless.views.pictures.draw", lambda *_: [])
    monkeypatch.setattr("gradless.views.findings.importances", lambda *_: [])
