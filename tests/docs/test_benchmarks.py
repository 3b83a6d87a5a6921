"""The suite's frame, what its peers minimise, and what it says; no timing."""

import json

import jax
import numpy as np
import pytest
from benchmarks import __main__ as command
from benchmarks import steps
from benchmarks.large import gpu
from benchmarks.pages import machine, suite
from benchmarks.pages import quality as render_quality
from benchmarks.peers import CONTESTANTS, YARDSTICK
from benchmarks.peers.task import Finished, Recorder, Task
from benchmarks.quality import mnist, settings
from benchmarks.quality import searches as quality
from benchmarks.steps import page as steps_page

from gradless.problems.supervised import SupervisedProblem
from gradless.runs.preparation import prepare
from gradless.runs.recipe import Recipe


def _curve(loss: float, rate: float) -> dict[str, list[float]]:
    return {
        "evaluations": [10, 100, 1000],
        "seconds": [10 / rate, 100 / rate, 1000 / rate],
        "loss": [1.0, 0.5, loss],
        "accuracy": [0.4, 0.8, 0.9],
        "test_accuracy": [None, None, None],
    }


def _results(ours: float, theirs: float) -> dict:
    runs = [
        {
            "name": name,
            "method": method,
            "budget": budget,
            "seed": seed,
            "evaluations": 1000,
            "seconds": 1.0,
            "ready_seconds": 2.0,
            "curve": _curve(loss * (1 + 0.1 * seed), 1000.0),
        }
        for budget in ("time", "evaluations")
        for seed in range(3)
        for name, method, loss in (
            ("gradless", "auto", ours),
            ("rival", "best", theirs),
            ("gradients", "adam", 0.01),
        )
    ]
    runs.append({"name": "broken", "method": "x", "budget": "time", "error": "it broke"})
    tried = {"method": "auto", "settings": {"sigma": 0.1}, "error": None}
    return {
        "yardstick": "gradients",
        "problems": {
            "chapter": {
                "network": "2-3-3",
                "parameters": 21,
                "samples": 300,
                "held_out": 0,
                "seconds": 1.0,
                "evaluations": 1000,
                "quantity": "loss",
                "target": 0.16,
                "aim": "loss at most 0.160",
                "selection": {"seed": 1000, "seconds": 0.5},
                "tried": {
                    name: [{**tried, "loss_at_time": 0.2, "loss_at_evaluations": None}]
                    for name in ("gradless", "rival", "gradients")
                },
                "runs": runs,
            }
        },
    }


def test_a_page_is_made_from_results_alone(tmp_path):
    results = tmp_path / "results"
    results.mkdir()
    document = {
        "part": "quality",
        "command": "python -m benchmarks quality",
        "date": "2026-01-01",
        "machine": {"cpu": "a cpu", "cores": 2, "memory_gib": 8.0, "os": "an os", "python": "3.11"},
        "versions": {"jax": "0.10"},
        "options": {"toy": False},
        "results": _results(0.1, 0.2),
    }
    (results / "quality.json").write_text(json.dumps(document))
    page = tmp_path / "docs" / "benchmarks.md"
    page.parent.mkdir()
    assert suite.render(results, page) == ["quality"]
    text = page.read_text()
    assert "gradless has the lowest loss; that of rival, the next, is 2.0 times as high" in text
    assert "| **gradless** | auto | 0.1100 (0.1050 to 0.1150) | 90.0% | 3 of 3 | 1,000 |" in text
    assert "broken failed" in text
    assert "a cpu, 2 cores, 8 GiB" in text
    assert (page.parent / "quality-chapter.png").stat().st_size > 10_000


def test_a_loss_is_said():
    problem = _results(0.3, 0.2)["problems"]["chapter"]
    for axis in render_quality.BUDGETS:
        table, verdict = render_quality.ranking(problem, "gradients", axis)
        assert verdict.startswith("gradless **loses** to rival, and is number 2 of 2.")
        assert [line.split("|")[1].strip(" *") for line in table.splitlines()[2:]] == [
            "gradients", "rival", "gradless",
        ]  # fmt: skip


def test_an_mnist_section_is_made_from_results_alone(tmp_path):
    def run(name: str, last: float) -> dict:
        return {
            "name": name,
            "seed": 0,
            "settings": {"sigma": 0.1},
            "ready_seconds": 1.0,
            "evaluations": [256, 2560],
            "seconds": [1.0, 40.0],
            "accuracy": [0.2, last],
        }

    results = {
        "data": "a file",
        "network": "784-128-10",
        "train": 8000,
        "test": 2000,
        "seconds": 40.0,
        "runs": [run("gradless", 0.9), run("evosax", 0.92)],
        "gradients": {"name": "gradients", "runs": [{"seconds": 9.0, "accuracy": 0.945}]},
    }
    text = mnist.render(results, tmp_path)
    assert "gradless ends at 90.0% and **loses** to the better run of evosax, 92.0%" in text
    assert "| **gradless** | 20.0% | 90.0% | 2,560 | 64 | 1.0 s |" in text
    assert (tmp_path / "mnist.png").exists()


def test_a_page_about_networks_without_derivatives_is_made_from_results_alone(tmp_path):
    def runs(kind, note=""):
        accuracies = (0.9, 0.92, 0.91) if kind.activation == "step" else (0.95, 0.95, 0.95)
        return [
            {"accuracy": accuracy, "seconds": 2.0, "bytes": 1776, "note": note or "openai_es"}
            for accuracy in accuracies
        ]

    by_gradient = steps.GRADIENTS[0]
    found = {kind.name: runs(kind) for kind in steps.KINDS}
    found[by_gradient.name] = runs(by_gradient, "the hidden layer stayed as it was drawn")
    document = {
        "options": {"data": ["digits"], "seeds": 3, "hidden": 32, "evaluations": 20_000},
        "seconds": 200,
        "machine": {"cpu": "a cpu", "cores": 2, "memory_gib": 8.0, "os": "an os", "python": "3.11"},
        "results": {"digits": found},
    }
    steps_page.render(document, tmp_path / "steps.md")
    text = (tmp_path / "steps.md").read_text()
    # Student's t of two degrees of freedom is 4.303, and the deviation 1 %.
    assert "| step | search | 91.0% ± 2.5 | 1,776 | 2.0 |" in text
    assert "| ordinary | search | 95.0% ± 0.0 | 1,776 | 2.0 |" in text
    assert (tmp_path / "steps.png").stat().st_size > 10_000
    found[by_gradient.name] = runs(by_gradient, "the hidden layer moved")
    with pytest.raises(ValueError, match="was moved by a gradient"):
        steps_page.render(document, tmp_path / "steps.md")


@pytest.mark.parametrize("name", ["chapter", "digits"])
def test_peers_minimise_the_loss_of_gradless(name, tmp_path):
    task = quality.make_task(name, 3)
    task.save(tmp_path / "task.npz")
    task = Task.load(tmp_path / "task.npz")
    prepared = prepare(Recipe(**task.recipe, strategy="random_search", seed=3))
    generator = np.random.default_rng(0)
    # The last ones are so large that the loss is clipped.
    changes = generator.standard_normal((4, task.dimension)) * [[0], [0.1], [1], [100]]
    population = (task.start + changes).astype(np.float32)
    problem: SupervisedProblem = prepared.problem

    @jax.jit
    @jax.vmap
    def score(vector):
        params = prepared.structure.unravel(vector)
        return problem.score(params, (problem.inputs, problem.targets))

    expected = score(population)
    np.testing.assert_allclose(task.losses(population), expected.loss, rtol=2e-5, atol=1e-6)
    of_each = zip(population, expected.loss, expected.measures["accuracy"], strict=True)
    for vector, loss, accuracy in of_each:
        judged = task.judge(vector)
        assert judged[0] == pytest.approx(float(loss), rel=2e-5, abs=1e-6)
        assert judged[1] == pytest.approx(float(accuracy), abs=0.005)
    if prepared.test is not None:
        params = prepared.structure.unravel(population[1])
        accuracy = prepared.judge(params, prepared.test).accuracy
        assert task.judge(population[1])[2] == pytest.approx(accuracy, abs=0.005)


def test_the_first_weights_are_those_of_a_run():
    task = quality.make_task("chapter", 3)
    run = prepare(Recipe(**task.recipe, strategy="hill_climbing", seed=3)).begin()
    np.testing.assert_array_equal(run.best, task.start)


def test_a_recorder_keeps_to_its_budget_and_marks():
    task = quality.make_task("chapter", 0)
    recorder = Recorder(task, seconds=60.0, evaluations=25, mark=12)
    recorder.start()
    generator = np.random.default_rng(0)
    best = np.inf
    for _ in range(6):
        losses = recorder.losses(task.start + generator.standard_normal((4, task.dimension)))
        best = min(best, losses.min())
    with pytest.raises(Finished):
        recorder.losses(np.tile(task.start, (4, 1)))
    curve = recorder.curve()
    assert recorder.evaluations == curve["evaluations"][-1] == 24
    assert 12 in curve["evaluations"]
    assert curve["loss"][-1] == pytest.approx(best, rel=1e-4)
    assert curve["loss"] == sorted(curve["loss"], reverse=True)


def test_every_contestant_has_two_methods_and_a_pinned_version():
    pinned = machine.peers()
    for name, contestant in CONTESTANTS.items():
        for dimension in (21, 4810):
            assert len({str(method) for method in contestant.methods(dimension)}) >= 2
        assert name == "gradless" or contestant.package in pinned
    assert YARDSTICK in CONTESTANTS


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["sped"], "no part is named 'sped'"),
        (["--seconds", "0"], "expected more than 0"),
        (["--seeds", "0"], "expected 1 or more"),
        (["--mnist", "nowhere.npz"], "expected a file"),
    ],
)
def test_bad_input_is_refused(arguments, said, capsys):
    with pytest.raises(SystemExit) as stopped:
        command.main(arguments)
    assert stopped.value.code == 2
    assert said in capsys.readouterr().err


def test_without_its_peers_a_part_is_not_measured_at_full_size(monkeypatch, capsys):
    monkeypatch.setattr(machine, "installed", lambda name: None)
    with pytest.raises(SystemExit) as stopped:
        command.main(["quality"])
    assert stopped.value.code == 2
    said = capsys.readouterr().err
    assert "pip install -r benchmarks/requirements.txt" in said
    assert "evosax" in said


def test_without_a_gpu_it_is_said_and_nothing_is_measured(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(suite, "RESULTS", tmp_path / "results")
    monkeypatch.setattr(suite, "PAGE", tmp_path / "page.md")
    assert command.main(["large", "--gpu"]) == 1
    said = capsys.readouterr().err
    assert said == "large-gpu was not measured: this machine has no GPU that JAX can use\n"
    with pytest.raises(SystemExit):
        command.main(["speed", "--gpu"])
    assert "Give: python -m benchmarks large --gpu" in capsys.readouterr().err


def test_on_a_gpu_the_device_and_what_was_left_out_are_named():
    row = {
        "name": "8-16-3", "population": 65536, "batch": 4, "own": True, "rank": 1,
        "parameters": 195, "plain": 0.02, "generation": 0.01, "temporary": None,
    }  # fmt: skip
    text = gpu.render({"device": "a chip", "rows": [row], "left_out": ["4 x 2,048: no time"]}, None)
    assert "on one a chip" in text
    assert "| 8-16-3 | 195 | 1 | 65,536 | 4, own | 2.00 | 10.0 |" in text
    assert text.endswith("Left out: 4 x 2,048: no time.")


def test_results_name_no_file_of_this_machine(tmp_path, monkeypatch):
    class Part:
        @staticmethod
        def measure(options: suite.Options) -> dict:
            return {"value": np.float32(1.5), "nothing": float("nan"), "array": np.arange(2)}

    monkeypatch.setattr(suite, "load", lambda name: Part)
    file = tmp_path / "mnist.npz"
    path = suite.measure("mnist", suite.Options(mnist=file), "python -m benchmarks", tmp_path)
    document = json.loads(path.read_text())
    assert document["results"] == {"value": 1.5, "nothing": None, "array": [0, 1]}
    assert document["options"]["mnist"] is True
    assert str(tmp_path) not in path.read_text()


def test_the_table_of_defaults_has_a_row_for_each_setting_and_replaces_itself():
    found = dict.fromkeys(settings.TABLES, (0.5, 1.0))
    table = "\n".join([settings.head(), *(settings.row(one, found) for one in settings.SETTINGS)])
    page = settings.PAGE.read_text("utf-8")
    once = settings.written(page, table)
    assert once.count("0.500") == len(settings.SETTINGS) * len(settings.TABLES)
    assert settings.written(once, table) == once
    assert len(once.splitlines()) == len(page.splitlines())
