"""A log of a seed and of losses rebuilds what a search found, and says where it cannot."""

from __future__ import annotations

import io
import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import gradless
from gradless import strategies
from gradless._core.errors import InputError
from gradless.problems.contract import Layout
from gradless.problems.function import FunctionProblem
from gradless.training import logged, seed_log, seed_log_writing
from gradless.training.factors import fitted
from gradless.training.loop import NOT_FINITE, train
from gradless.training.plan import begun
from gradless.training.records import Stop

START = {"bias": np.zeros(4, np.float32), "weights": np.full((3, 4), 0.25, np.float32)}
OPTIONS = {"population": 8, "evaluations": 90, "seed": 5, "verbose": False}


def loss(params):
    products = jnp.arange(3.0) @ params["weights"] + params["bias"]
    return jnp.sum((jnp.tanh(products) - 0.5) ** 2)


@pytest.fixture(scope="module")
def search(tmp_path_factory):
    """A search of ten generations, and its log."""
    path = tmp_path_factory.mktemp("log") / "run.seeds"
    return path, gradless.minimize(loss, START, "openai_es", rank=1, log=path, **OPTIONS)


@pytest.fixture
def edited(search, tmp_path):
    """Makes a log of other bytes."""

    def make(change):
        path = tmp_path / "other.seeds"
        path.write_bytes(change(search[0].read_bytes()))
        return path

    return make


def same(one, other):
    return all(
        np.array_equal(a, b)
        for a, b in zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=True)
    )


def test_a_log_rebuilds_the_search_bit_for_bit(search):
    path, found = search
    again = gradless.replay(path, START)
    assert (again.generation, again.generations, again.verified) == (10, 10, True)
    assert same(again.center, found.center)
    assert same(again.best, found.best)
    assert again.best_loss == found.best_loss
    assert jax.tree.structure(again.best) == jax.tree.structure(START)


def test_a_log_has_four_bytes_for_each_candidate(search):
    header, begin = seed_log._header(search[0], search[0].read_bytes())
    assert search[0].stat().st_size == begin + 10 * (1 + 4 * 8 + 4 + 4) + 69
    assert header["strategy"]["hyperparameters"]["rank"]["splits"]


def test_any_generation_can_be_rebuilt(search):
    path, found = search
    assert same(gradless.replay(path, START, generation=0).center, START)
    middle = gradless.replay(path, START, generation=7)
    assert (middle.generation, middle.verified) == (7, False)
    assert not same(middle.center, found.center)
    with pytest.raises(InputError, match="at most 10"):
        gradless.replay(path, START, generation=11)
    with pytest.raises(InputError, match="whole number"):
        gradless.replay(path, START, generation=-1)


def test_a_log_that_was_cut_off_is_replayed_up_to_there(edited):
    path = edited(lambda data: data[: -69 - 3])
    with pytest.warns(UserWarning, match="middle of a record.* 9 whole generations"):
        again = gradless.replay(path, START)
    assert (again.generation, again.verified) == (9, False)


def test_a_log_without_an_end_is_not_verified(edited):
    again = gradless.replay(edited(lambda data: data[:-69]), START)
    assert (again.generation, again.verified) == (10, False)


def test_other_bits_at_the_end_are_told(edited):
    def other_end(data):
        end = np.frombuffer(data[-69:], seed_log.END).copy()
        end["center"] = bytes(range(32))
        before = np.frombuffer(data[-73:-69], "<u4")[0]
        end["check"] = seed_log.checked(end[0], int(before))
        return data[:-69] + end.tobytes()

    with pytest.warns(UserWarning, match="other bits"):
        assert not gradless.replay(edited(other_end), START).verified


def test_damage_is_found_and_what_is_before_it_can_be_rebuilt(edited):
    def damage(data):
        data = bytearray(data)
        data[-69 - 41 + 5] ^= 1  # in the last generation
        return bytes(data)

    path = edited(damage)
    with pytest.raises(InputError, match=r"generation 10.*generation=9"):
        gradless.replay(path, START)
    assert gradless.replay(path, START, generation=9).generation == 9
    with pytest.raises(InputError, match="damaged at generation 1:"):  # a digit of the header
        gradless.replay(edited(lambda data: data.replace(b'"seed": 5', b'"seed": 6')), START)
    with pytest.raises(InputError, match="damaged"):
        gradless.replay(edited(lambda data: data + b"more"), START)


def test_what_is_no_log_is_refused(edited, tmp_path):
    with pytest.raises(InputError, match="must be a seed log"):
        gradless.replay(edited(lambda data: b"PK" + data), START)
    with pytest.raises(InputError, match="must be a seed log"):
        gradless.replay(edited(lambda data: data[:40]), START)
    with pytest.raises(InputError, match="version 1, got 9"):
        gradless.replay(edited(lambda data: data.replace(b'"version": 1', b'"version": 9')), START)
    with pytest.raises(InputError, match="cannot be read"):
        gradless.replay(tmp_path / "none.seeds", START)


def test_another_start_is_refused(search):
    path, _ = search
    with pytest.raises(InputError, match="their checksum does not fit"):
        gradless.replay(path, {**START, "bias": np.ones(4, np.float32)})
    with pytest.raises(InputError, match=r"params\['bias'\] of float32\[4\], got .*\[5\]"):
        gradless.replay(path, {**START, "bias": np.zeros(5, np.float32)})
    with pytest.raises(InputError, match="2 arrays, got 1"):
        gradless.replay(path, {"bias": START["bias"]})


def test_a_log_can_be_read_while_it_grows(search, tmp_path):
    seen = []

    def look(record):
        with_records = gradless.replay(tmp_path / "new.seeds", START)
        seen.append((with_records.generation, int(record.generation[-1])))

    gradless.minimize(
        loss, START, "openai_es", rank=1, log=tmp_path / "new.seeds", callback=look, **OPTIONS
    )
    assert seen
    assert all(there == told for there, told in seen)
    assert (tmp_path / "new.seeds").read_bytes() == search[0].read_bytes()


def test_a_search_that_goes_on_goes_on_in_its_log(search, tmp_path):
    path, (_, found) = tmp_path / "parts.seeds", search
    more = {"seed": 5, "verbose": False, "log": path}
    first = gradless.minimize(
        loss, START, "openai_es", rank=1, population=8, evaluations=36, **more
    )
    went_on = gradless.minimize(loss, START, resume_from=first, evaluations=90, **more)
    assert path.read_bytes() == search[0].read_bytes()
    assert same(went_on.center, found.center)
    assert gradless.replay(path, START).verified


def test_only_the_log_of_a_search_goes_on_with_it(search, tmp_path):
    path, found = search
    more = {"seed": 5, "verbose": False, "evaluations": 180, "resume_from": found}
    other = tmp_path / "other.seeds"
    options = {**OPTIONS, "log": other, "sigma": 0.2}
    gradless.minimize(loss, START, "openai_es", rank=1, **options)
    before = other.read_bytes()
    with pytest.raises(InputError, match="rebuilds other parameters after generation 10"):
        gradless.minimize(loss, START, log=other, **more)
    with pytest.raises(InputError, match="params must be the ones that"):
        gradless.minimize(loss, found.best, log=path, **more)
    gradless.minimize(loss, START, "openai_es", rank=1, **options | {
        "log": tmp_path / "short.seeds", "evaluations": 18, "sigma": 0.1})  # fmt: skip
    with pytest.raises(InputError, match="10 generations of the search that goes on, got 2"):
        gradless.minimize(loss, START, log=tmp_path / "short.seeds", **more)
    with pytest.raises(InputError, match="seed must be left out with resume_from"):
        gradless.minimize(loss, START, log=path, **more | {"seed": 6})
    assert other.read_bytes() == before


@pytest.mark.parametrize("name", ["cma_es", "hill_climbing"])
def test_strategies_that_cannot_be_rebuilt_are_refused(tmp_path, name):
    with pytest.raises(InputError, match=f"openai_es, pgpe, .* or lm_ma_es .*got {name}"):
        gradless.minimize(loss, START, name, log=tmp_path / "a", evaluations=90)
    assert not (tmp_path / "a").exists()


def test_what_does_not_go_with_a_log_is_refused(search, tmp_path):
    path, found = search
    before = path.read_bytes()
    with pytest.raises(InputError, match="must be a new file"):
        gradless.minimize(loss, START, "openai_es", rank=1, log=path, **OPTIONS)
    assert path.read_bytes() == before
    with pytest.raises(InputError, match="log must be the one of resume_from"):
        gradless.minimize(loss, START, log=tmp_path / "a", resume_from=found, evaluations=180)
    with pytest.raises(InputError, match="compiled=False"):
        gradless.minimize(
            lambda params: float(np.sum(params["bias"])),
            START, "openai_es", log=tmp_path / "a", compiled=False, **OPTIONS,
        )  # fmt: skip
    python = gradless.PythonProblem(lambda x: float(np.sum(x)), np.zeros(2))
    run = begun(strategies.get("spsa"), np.zeros(2), 0)
    with pytest.raises(InputError, match="all_losses must be False"):
        train(python, strategies.get("spsa"), run, Stop(evaluations=90), all_losses=True)
    with pytest.raises(InputError, match="log must be a file"):
        gradless.minimize(loss, START, "openai_es", log=True, **OPTIONS)
    with pytest.raises(InputError, match="cannot be written"):
        gradless.minimize(loss, START, "openai_es", rank=1, log=tmp_path / "no" / "a", **OPTIONS)


@pytest.mark.slow
def test_scales_and_layers_come_back(tmp_path):
    path = tmp_path / "a"
    scale = {"bias": 0.5, "weights": 2.0}
    found = gradless.minimize(loss, START, "snes", scale=scale, log=path, **OPTIONS)
    again = gradless.replay(path, START)
    assert again.verified
    assert same(again.center, found.center)
    with pytest.raises(InputError, match="scale must be a number"):
        gradless.minimize(
            loss, START, "snes", scale={**scale, "bias": np.ones(4)},
            log=tmp_path / "b", **OPTIONS,
        )  # fmt: skip
    layers = {"bias": 0}
    found = gradless.minimize(
        loss, START, "openai_es", layers=layers, log=tmp_path / "c", **OPTIONS
    )
    again = gradless.replay(tmp_path / "c", START)
    assert again.verified
    assert same(again.best, found.best)
    assert json.dumps(seed_log.read(tmp_path / "c").header["kinds"]) == '["fixed", "searched"]'


@pytest.mark.slow
@pytest.mark.parametrize(("devices", "block"), [(1, 1), (2, 4)])
@pytest.mark.parametrize(
    ("name", "more"),
    [
        ("openai_es", {"population": 32}),
        ("openai_es", {"population": 32, "rank": 1}),
        ("pgpe", {"population": 32}),
        ("snes", {}),
        ("spsa", {}),
        ("spsa", {"probes": 4, "rank": 1}),
        ("fzoo", {}),
        ("fzoo", {"rank": 1}),
        ("ars", {"population": 32}),
        ("ars", {"population": 32, "rank": 1}),
        ("sep_cma_es", {}),
        ("lm_ma_es", {}),
    ],
)
def test_blocks_and_devices_do_not_matter(name, more, devices, block):
    first, second, third = jax.random.split(jax.random.key(0), 3)
    params = {
        "hidden": jax.random.normal(first, (12, 24)) / 4,
        "out": jax.random.normal(second, (24, 3)) / 5,
    }
    data = jax.random.normal(third, (96, 12)), jnp.arange(96) % 3

    def of_batch(params, batch):
        x, labels = batch
        logs = jax.nn.log_softmax(jnp.tanh(x @ params["hidden"]) @ params["out"])
        return -jnp.mean(logs[jnp.arange(len(labels)), labels])

    problem = FunctionProblem.of(of_batch, params, data, 16)
    strategy = fitted(problem, strategies.get(name, **more), params)
    stop = Stop(evaluations=40 * (strategy.population + 1))
    layout = Layout(written_out=False, block=block, devices=devices)
    run = begun(strategy, params, 3)
    records = list(train(problem, strategy, run, stop, layout=layout, all_losses=True))
    losses = np.concatenate([record.losses for record in records])
    centers = np.concatenate([record.loss for record in records])
    again = logged.again(run, strategy, losses, centers, np.uint32(len(losses)))
    last = records[-1].run
    assert len(losses) == 40
    assert same((again.state, again.best), (last.state, last.best))
    assert again.best_loss == last.best_loss


@pytest.mark.slow
def test_a_search_that_ends_at_what_is_not_finite_is_logged_up_to_there(tmp_path):
    def falls_off(x):
        total = jnp.sum(x)
        return jnp.where(total > 1.0, jnp.nan, -total)

    path, start = tmp_path / "a", np.zeros(4, np.float32)
    found = gradless.minimize(falls_off, start, "spsa", evaluations=200_000, log=path)
    again = gradless.replay(path, start)
    assert found.stopped_because == NOT_FINITE
    assert (again.generation, again.verified) == (int(found.run.generation), True)
    assert same((again.center, again.best), (found.center, found.best))


def test_a_log_that_cannot_be_written_ends_the_search_with_its_result(
    search, monkeypatch, tmp_path
):
    def full(self, data):
        raise OSError(28, "No space left on device")

    begin = seed_log_writing.SeedLog.begin

    def begun_on_a_full_disk(self, info):
        begin(self, info)
        self._file.close()
        self._file = type("Full", (io.BytesIO,), {"write": full})()

    monkeypatch.setattr(seed_log_writing.SeedLog, "begin", begun_on_a_full_disk)
    path = tmp_path / "a"
    more = OPTIONS | {"evaluations": 10**9, "seconds": 30.0}
    found = gradless.minimize(loss, START, "openai_es", rank=1, log=path, **more)
    assert found.stopped_because == f"{path} cannot be written (No space left on device)"
