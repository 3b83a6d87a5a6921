import subprocess
import sys

import pytest

SCRIPT = """
import multiprocessing, os, sys, warnings
warnings.simplefilter("ignore")
import numpy as np
from gradless import GradientFreeClassifier, InputError, Recipe, minimize, prepare

X = np.random.default_rng(0).normal(size=(20, 2))
y = (X[:, 0] > 0).astype(int)
model = GradientFreeClassifier(2, strategy="hill_climbing", max_evaluations=20)


def attempts():
    yield lambda: model.fit(X, y)
    yield lambda: minimize(lambda x: (x**2).sum(), np.zeros(2, np.float32), evaluations=10)
    yield lambda: prepare(Recipe("spiral"))


def refused(queue):
    for attempt in attempts():
        try:
            attempt()
            queue.put("nothing was refused")
        except InputError as error:
            queue.put(str(error))
    queue.put(model.predict(X).tolist())


fork = multiprocessing.get_context("fork")
queue = fork.Queue()
if "first" in sys.argv:  # nothing was computed before
    child = fork.Process(target=lambda: queue.put(model.fit(X, y).predict(X).tolist()))
    child.start()
    assert len(queue.get(timeout=120)) == 20
    child.join()
else:
    model.fit(X, y)
    child = fork.Process(target=refused, args=(queue,))
    child.start()
    for _ in range(3):
        assert "loky" in queue.get(timeout=60)
    assert queue.get(timeout=60) == model.predict(X).tolist()
    child.join()
print("fine")
"""

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="nothing forks")


@pytest.mark.slow
@pytest.mark.parametrize("when", ["later", "first"])
def test_a_forked_process_trains_or_says_why_not(when):
    run = subprocess.run(
        [sys.executable, "-c", SCRIPT, when], capture_output=True, text=True, timeout=300
    )
    assert run.stdout == "fine\n", run.stderr
