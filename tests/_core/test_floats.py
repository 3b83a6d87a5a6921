"""Parameters keep their type, losses are float64 in JAX's 64-bit mode, and nothing else changes."""

import os
import subprocess
import sys
import textwrap

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gradless import strategies
from gradless._core import floats, storage, tree
from gradless._core.errors import InputError
from gradless.problems.function import FunctionProblem
from gradless.strategies import STRATEGIES
from gradless.training.loop import Stop, begin, train

VARIANTS = [
    *((name, {}) for name in STRATEGIES),
    ("openai_es", {"rank": 1, "shaping": "raw", "optimizer": "clipup"}),
    ("pgpe", {"shaping": "zscore", "optimizer": "rmsprop"}),
    ("spsa", {"curvature": True}),
    ("genetic_algorithm", {"crossover": "blend", "selection": "tournament"}),
    ("hill_climbing", {"adapt": True, "speculation": 3}),
    ("cma_es", {"relative": False}),
]
# Remembered losses, and what is measured in them.
LOSSES = {
    "latest_losses",
    "best_loss",
    "losses",
    "current_loss",
    "remembered_loss",
    "promised",
    "loss_unit",
}
# Noise is float32, whatever it is added to, and so are sizes of which a few digits are enough.
SMALL = {"scales", "first_sizes", "units", "drawn", "sign", "precision", "change", "length"}
SMALL |= {"curvature", "steepest", "recent", "weight", "weights", "rate", "rates"}
SMALL |= {"lengths", "sigmas", "mutation", "level", "following"}


def test_the_type_of_losses_is_that_of_the_mode() -> None:
    assert floats.loss_dtype() == floats.no_loss().dtype == np.float32
    with floats.sixty_four_bits():
        assert floats.loss_dtype() == floats.no_loss().dtype == np.float64
        with floats.mode_of(jnp.float32(0)):
            assert floats.loss_dtype() == np.float64
    with floats.mode_of(np.zeros((), np.float64)):
        assert floats.loss_dtype() == np.float64
    assert floats.loss_dtype() == np.float32


def test_parameters_as_one_vector_are_as_wide_as_the_widest() -> None:
    with floats.sixty_four_bits():
        for leaves, expected in (
            ([np.float16(1)], np.float32), ([np.float32(1), 1.0], np.float64),
            ([np.zeros(2), np.float32(1)], np.float64), ([jnp.bfloat16(1)], np.float32),
        ):  # fmt: skip
            assert floats.vector_dtype(leaves) == tree.ravel(leaves).dtype == expected


def floating(values) -> dict[str, np.dtype]:
    """Types of the floating-point arrays of a pytree, by their names."""
    leaves, _ = jax.tree_util.tree_flatten_with_path(values)
    kinds = {jax.tree_util.keystr(path): leaf for path, leaf in leaves}
    return {k: x.dtype for k, x in kinds.items() if jnp.issubdtype(x.dtype, jnp.floating)}


@pytest.mark.parametrize(("name", "hyperparameters"), VARIANTS, ids=str)
def test_a_strategy_keeps_the_types_of_parameters_and_of_losses(name, hyperparameters) -> None:
    strategy = strategies.get(name, **hyperparameters)

    def generation(strategy, key, params, losses):
        state = strategy.init(key, params)
        candidates = strategy.ask(key, state)
        told = strategy.tell(key, state, candidates, losses)
        decoded = strategy.decode(state, tree.member(candidates, 0))
        return state, told, candidates, (decoded, strategy.center(told))

    for dtype in (np.float32, np.float64):
        # A matrix that is large enough for thin factors.
        params = {"a": np.array([0.5, -1, 2], dtype), "b": (np.zeros((20, 11), dtype),)}
        with floats.sixty_four_bits():
            losses = jax.ShapeDtypeStruct((strategy.population,), np.float64)
            state, told, candidates, decoded = jax.eval_shape(
                generation, strategy, jax.random.key(0), params, losses
            )
        assert jax.tree.structure(state) == jax.tree.structure(told)
        kinds = [
            [(x.shape, x.dtype, x.weak_type) for x in jax.tree.leaves(s)] for s in (state, told)
        ]
        assert kinds[0] == kinds[1]
        for where, found in floating((state, candidates)).items():
            field = where.rpartition(".")[2]
            if field in LOSSES:
                assert found == np.float64, where
            elif found != dtype:
                assert field in SMALL, where
                assert found == np.float32, where
        assert set(floating(decoded).values()) == {np.dtype(dtype)}


def test_float32_parameters_see_the_same_noise_in_both_modes() -> None:
    # Of all strategies it draws the most kinds of numbers.
    strategy = strategies.get("genetic_algorithm", population=8)

    @jax.jit
    def asked(strategy, key, params):
        state = strategy.init(key, params)._replace(begun=jnp.asarray(True))
        return strategy.ask(key, state).vector

    usual = asked(strategy, jax.random.key(3), np.ones(4, np.float32))
    with floats.sixty_four_bits():
        wide = asked(strategy, jax.random.key(3), np.ones(4, np.float32))
    assert wide.dtype == np.float32
    np.testing.assert_allclose(wide, usual, rtol=1e-6, atol=1e-7)


def test_a_run_goes_on_only_in_the_mode_in_which_it_began(tmp_path) -> None:
    def loss(x):
        return jnp.sum((x - 1) ** 2) + 1e9

    strategy, start = strategies.get("hill_climbing", sigma=0.1), np.zeros(3)
    with floats.sixty_four_bits():
        problem = FunctionProblem.of(loss, start)
        run = jax.jit(begin)(strategy, start, np.uint32(0))
        *_, last = train(problem, strategy, run, Stop(evaluations=100))
        assert last.run.best_loss.dtype == last.best_loss.dtype == np.float64
        assert last.run.best.dtype == np.float64
        assert float(last.run.best_loss) == float(loss(last.run.best))
        assert 1e9 < float(last.run.best_loss) < 1e9 + 1
    with pytest.raises(InputError, match=r"losses of a run must be float32, .* got float64"):
        list(train(problem, strategy, last.run, Stop(evaluations=200)))
    # On disk and back it is the same to the last bit, in any mode.
    storage.save_tree(tmp_path / "run", last.run)
    loaded = storage.load_tree(tmp_path / "run", last.run)
    assert list(map(tree.bits, jax.tree.leaves(loaded))) == list(
        map(tree.bits, jax.tree.leaves(last.run))
    )


SEARCH = """
    import sys
    from pathlib import Path

    import jax
    import jax.numpy as jnp
    import numpy as np

    import gradless
    from gradless._core import tree
    from gradless.training.checkpoint import Keeper, newest
    from gradless._core.errors import InputError
    from gradless.problems.function import FunctionProblem
    from gradless.training.history import History
    from gradless.strategies import get
    from gradless.training.loop import Stop, begin, train

    assert jax.config.jax_enable_x64
    def distance(x):
        return jnp.sqrt(jnp.sum((x - 1) ** 2))

    found = gradless.minimize(distance, np.zeros(5), "cma_es", evaluations=8000)
    assert found.best_loss < 1e-12, found
    assert found.best.dtype == found.run.best_loss.dtype == np.float64
    assert found.history.column("loss").dtype == np.float64

    folder, strategy = Path(sys.argv[1]), get("cma_es")
    problem, stop = FunctionProblem.of(distance, np.zeros(5)), Stop(evaluations=1700)
    *_, whole = train(problem, strategy, begin(strategy, np.zeros(5), 1), stop)
    history = History()
    with Keeper(folder, 1e9) as keeper:
        for record in train(
            problem, strategy, begin(strategy, np.zeros(5), 1), Stop(evaluations=850)
        ):
            history.append(**record.rows)
        keeper.write(record.run, history, dict)
    first = begin(strategy, np.zeros(5), 1)
    *_, rest = train(problem, strategy, first, stop, resume_from=folder)
    for one, other in zip(*map(jax.tree.leaves, (whole.run, rest.run)), strict=True):
        assert tree.bits(one) == tree.bits(other)
    kept = newest(folder, first).history
    np.testing.assert_array_equal(kept.column("loss"), history.column("loss"))
    with jax.enable_x64(False):
        try:
            newest(folder, begin(strategy, np.zeros(5, np.float32), 1))
        except InputError as error:
            print(error)
"""


@pytest.mark.slow
def test_a_process_in_64_bit_mode(tmp_path) -> None:
    environment = os.environ | {"JAX_ENABLE_X64": "1"}
    call = [sys.executable, "-W", "error", "-c", textwrap.dedent(SEARCH), str(tmp_path)]
    done = subprocess.run(call, env=environment, capture_output=True, text=True, check=False)
    assert not done.stderr
    assert "must hold losses in float32, as JAX computes now, got float64" in done.stdout
    assert "set JAX_ENABLE_X64=1" in done.stdout

    # Networks stay float32; a run goes on in this mode, and in the other it is said why not.
    train_it = ["train", "vertical", "--out", str(tmp_path / "run"), "--strategy", "hill_climbing"]
    for arguments, others, expected in (
        ([*train_it, "--evaluations", "500"], {"JAX_ENABLE_X64": "1"}, 0),
        (["resume", str(tmp_path / "run"), "--evaluations", "700"], {"JAX_ENABLE_X64": "1"}, 0),
        (["resume", str(tmp_path / "run"), "--evaluations", "900"], {"JAX_ENABLE_X64": "0"}, 2),
    ):
        done = subprocess.run(
            [sys.executable, "-m", "gradless", *arguments],
            env=os.environ | others, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == expected, done.stderr
    assert "set JAX_ENABLE_X64=1 in the environment" in done.stderr
