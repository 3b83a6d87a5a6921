"""What is estimated to be needed is about what the compiler and the system say."""

from __future__ import annotations

import dataclasses
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest

from gradless import strategies
from gradless.evaluation.layout import layout_for
from gradless.problems.contract import Layout
from gradless.problems.supervised import SupervisedProblem
from gradless.training import memory
from gradless.training.generation import Limits, Run, advance, begin
from helpers.noise_problems import noise_problem, shapes

COMPILES_AS_USERS_DO = True  # the compiler decides on memory, too

slow = pytest.mark.slow
needs_cpu = pytest.mark.skipif(jax.default_backend() != "cpu", reason="of the memory of a CPU")


def compiled_bytes(problem: SupervisedProblem, strategy: Any, layout: Layout) -> int:
    """What the compiler says of the loop, on one device; nothing is run."""
    model = problem.model
    names = problem.measures
    run: Run = jax.eval_shape(lambda: begin(strategy, model.init(jax.random.key(0)), 0, names))
    types = ("uint32", "float32", "float32", "uint32", "bool", "uint32")
    numbers = [np.zeros((), each) for each in types]
    limits = Limits(*numbers)._replace(measures=dict.fromkeys(names, numbers[2]))
    program = advance.lower(run, strategy, problem, limits, layout).compile()
    found = program.memory_analysis()
    return found.argument_size_in_bytes + found.output_size_in_bytes + found.temp_size_in_bytes


@pytest.mark.parametrize(
    ("name", "hyperparameters", "sizes"),
    [
        pytest.param("cma_es", {}, (40, 64, 6), marks=slow),
        pytest.param("differential_evolution", {"population": 4096}, (64, 64, 10), marks=slow),
        ("hill_climbing", {}, (784, 2048, 10)),
        pytest.param("openai_es", {}, (784, 2048, 10), marks=slow),
        pytest.param("genetic_algorithm", {"population": 4096}, (64, 64, 10), marks=slow),
        pytest.param("fd_lbfgs", {"memory": 20}, (784, 2048, 10), marks=slow),
        pytest.param("lm_ma_es", {}, (784, 2048, 10), marks=slow),
    ],
)  # fmt: skip
@needs_cpu
def test_the_compiler_needs_about_as_much(name, hyperparameters, sizes):
    problem = noise_problem(sizes, 300)
    strategy = strategies.get(name, **hyperparameters)
    layout = dataclasses.replace(layout_for(problem, strategy), devices=1)
    needed = memory.estimate(problem, strategy, shapes(problem.model), layout)
    # The copies that the loop's caller holds, and the compiler itself, are not part of the loop.
    in_loop = needed.total - needed.program - needed.run // 4
    # Measured from 0.55 (lm_ma_es) to 1.00 (genetic_algorithm).
    assert 0.4 < compiled_bytes(problem, strategy, layout) / in_loop < 1.15


IN_A_PROCESS = """
import json, sys
import jax
from gradless import strategies
from gradless.training import memory
from gradless.training.generation import begin
from gradless.training.loop import Stop, evaluations_per_generation, train
sys.path.insert(0, {folder!r})
from helpers.noise_problems import noise_problem, resident, shapes

sizes, samples, name, hyperparameters, more = json.loads({setting!r})
before = resident("VmRSS")
problem = noise_problem(tuple(sizes), samples, **more)
own = 4 * samples * sizes[0]  # the data set itself, which is there before a run is estimated
strategy = strategies.get(name, **hyperparameters)
needed = memory.estimate(problem, strategy, shapes(problem.model)).total
run = jax.jit(lambda: begin(strategy, problem.model.init(jax.random.key(0)), 0))()
for _ in train(problem, strategy, run, Stop(3 * evaluations_per_generation(strategy))):
    pass
print((resident("VmHWM") - before - own) / needed)
"""


# Most of it is what the samples or a population takes. The share of the estimate that was resident
# in the end, as measured: 0.64 and 1.01.
@slow
@needs_cpu
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="no peak of memory to read")
@pytest.mark.parametrize(
    "setting",
    [
        ((784, 16, 10), 60_000, "openai_es", {"population": 16}, {"batch_size": 256}),
        ((64, 64, 10), 300, "genetic_algorithm", {"population": 2048}, {}),
    ],
)
def test_a_process_takes_about_as_much(setting):
    code = IN_A_PROCESS.format(folder=str(Path(__file__).parents[1]), setting=json.dumps(setting))
    ran = subprocess.run(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, check=True, timeout=120
    )
    assert 0.4 < float(ran.stdout) < 1.15


UNDER_A_LIMIT = """
import resource, sys
resource.setrlimit(resource.RLIMIT_DATA, (3 * 2**29, 3 * 2**29))
from gradless.cli import main
sys.exit(main(["train", "digits", *sys.argv[1:]]))
"""


def under_a_limit(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """``gradless train`` where the system gives no more than 1.5 GiB of memory for data."""
    return subprocess.run(
        [sys.executable, "-c", UNDER_A_LIMIT, *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


LIMITED = ("--hidden", "30000", "--strategy", "lm_ma_es", "--population", "4")


@pytest.mark.slow
@needs_cpu
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits a process's data as a whole")
def test_under_a_real_limit_it_is_refused_in_one_line(tmp_path):
    ran = under_a_limit(tmp_path, *LIMITED, "--evaluations", "10")
    assert ran.returncode == 2, ran.stderr
    (line,) = ran.stderr.splitlines()
    assert re.search(r"GiB free, got about 2\.\d GiB .*; use hidden layers of", line)
    assert not list(tmp_path.iterdir())


@slow
@needs_cpu
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits a process's data as a whole")
def test_under_a_real_limit_the_advice_runs(tmp_path):
    refused = under_a_limit(tmp_path, *LIMITED, "--evaluations", "10")
    neurons = re.search(r"use hidden layers of (\d+) neurons", refused.stderr)[1]
    smaller = (*LIMITED[:1], neurons, *LIMITED[2:])
    ran = under_a_limit(tmp_path, *smaller, "--evaluations", "10")
    assert ran.returncode == 0, ran.stderr
