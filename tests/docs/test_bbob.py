"""The benchmark on BBOB: what is counted, kept, summed and said; COCO's problems if it is there."""

import contextlib
import json

import numpy as np
import pytest
from benchmarks.bbob import FUNCTIONS, TARGETS, Place, algorithms, page, problems, runs, summary
from benchmarks.bbob import __main__ as command
from benchmarks.bbob.runs import Options
from benchmarks.bbob.watched import Finished, Watched
from benchmarks.pages import machine


@pytest.fixture
def _stand_ins(monkeypatch):
    monkeypatch.setattr(problems, "INSTALLED", False)


def test_targets_are_seen_when_they_are_first_reached_and_the_last_one_ends_the_search():
    watched = Watched(lambda x: x, 10.0, budget=100, targets=[8.0, 4.0, 2.0])
    for x in (20, 15, 17, 12.5):
        watched(x)
    assert watched.hits == [2, 4]
    with pytest.raises(Finished):
        watched(12)
    assert watched.hits == [2, 4, 5]
    assert watched.evaluations == 5
    assert watched.best == 12


def test_not_one_evaluation_is_beyond_the_budget():
    seen = []
    watched = Watched(lambda x: seen.append(x) or 1.0, 0.0, budget=3)
    for x in range(3):
        assert watched(x) == 1.0
    for _ in range(2):
        with pytest.raises(Finished):
            watched(4)
    assert seen == [0, 1, 2]
    assert watched.evaluations == 3


@pytest.mark.usefixtures("_stand_ins")
def test_a_measurement_goes_on_where_it_was_interrupted(tmp_path):
    file = tmp_path / "runs" / "bbob.jsonl"
    options = Options("bbob", (2,), (1, 2), (1, 8), ("random",), per_dimension=20)
    first = list(runs.measure(options, file))
    assert [(row["instance"], row["function"]) for row in first] == [(1, 1), (1, 8), (2, 1), (2, 8)]
    assert all(row["evaluations"] == 40 for row in first)
    whole = file.read_text()
    file.write_text(whole[:-30])  # killed while it wrote the last line
    assert [row["function"] for row in runs.measure(options, file)] == [8]
    again = runs.read([file])
    assert [row["hits"] for row in again] == [row["hits"] for row in first]
    assert not list(runs.measure(options, file))
    longer = options._replace(per_dimension=30, functions=(1,))
    assert len(list(runs.measure(longer, file))) == 2
    file.write_text('{"this": "is something else"}\n')
    with pytest.raises(ValueError, match="has a line that is no run"):
        runs.read([file])


@pytest.mark.usefixtures("_stand_ins")
def test_a_run_that_an_exception_ends_is_kept_and_made_again(tmp_path, monkeypatch):
    def broken(function, task):
        function(task.start)
        raise ValueError("it broke")

    entry = algorithms.ALGORITHMS["random"]
    monkeypatch.setitem(algorithms.ALGORITHMS, "random", entry._replace(search=broken))
    options = Options("bbob", (2,), (1,), (1,), ("random",), per_dimension=20)
    file = tmp_path / "bbob.jsonl"
    (row,) = runs.measure(options, file)
    assert row["error"] == "ValueError: it broke"
    assert row["evaluations"] == 1
    monkeypatch.setitem(algorithms.ALGORITHMS, "random", entry)
    (row,) = runs.measure(options, file)
    assert "error" not in row
    assert len(runs.read([file])) == 1


@pytest.mark.usefixtures("_stand_ins")
def test_everybody_begins_at_the_same_points():
    def starts(place, seed, count):
        with problems.opened(place) as problem:
            task = algorithms.Task.of(problem, place, seed)
            found = [task.start]
            for _ in range(count - 1):
                task.again()
                found.append(task.start)
            return np.array(found), task.seed

    place = Place("bbob", 1, 3, 1)
    (one, seed), (same, same_seed) = starts(place, 0, 50), starts(place, 0, 50)
    np.testing.assert_array_equal(one, same)
    assert seed == same_seed
    assert np.abs(one).max() < 4
    assert len(np.unique(one)) == one.size
    for other in (starts(place, 1, 1), starts(place._replace(instance=2), 0, 1)):
        assert not np.isin(other[0], one).any()


@pytest.mark.usefixtures("_stand_ins")
def test_gradless_is_measured_by_its_one_call():
    job = runs.Job("gradless", Place("bbob", 1, 2, 1), 200, 0)
    found = runs.run(job)
    assert "error" not in found
    assert 0 < found["evaluations"] <= 400
    assert len(found["hits"]) > 10


def test_every_peer_is_pinned_or_a_dependency():
    named = {entry.package for entry in algorithms.ALGORITHMS.values()}
    assert named - set(machine.peers()) == {"gradless", "numpy", "scipy"}
    assert algorithms.algorithm("gradless:cma_es").package == "gradless"
    for wrong in ("gradless:no", "nobody", "pycma-bipop:cma_es"):
        with pytest.raises(KeyError):
            algorithms.algorithm(wrong)


def _row(name, function, instance, hits, evaluations, dimension=2):
    return {
        "algorithm": name,
        "suite": "bbob",
        "function": function,
        "dimension": dimension,
        "instance": instance,
        "per_dimension": 10_000,
        "seed": 0,
        "evaluations": evaluations,
        "hits": hits,
        "seconds": 0.001 * evaluations,
        "processor": 0.0005 * evaluations,
        "version": "1.0",
    }


def test_runs_are_summed():
    whole, half = list(range(10, 10 * len(TARGETS) + 10, 10)), [4, 6, *[8] * 14]
    both = [_row("a", 1, 1, whole, 510), _row("a", 1, 2, half, 20_000)]
    found = summary.summed(both)
    assert found["instances"] == [1, 2]
    assert found["share"] == pytest.approx((51 + 16) / 102, abs=1e-4)
    assert found["curve"][-1] == found["share"]
    # Targets that were reached after at most two evaluations for each variable.
    position = next(i for i, point in enumerate(summary.POINTS) if point >= 2)
    assert found["curve"][position] == pytest.approx(1 / 102, abs=1e-4)
    # 1e-1 is target 15, which the first reaches after 160 evaluations and the second after 8.
    assert TARGETS[summary.EXPECTED["1e-1"]] == pytest.approx(0.1)
    assert TARGETS[summary.EXPECTED["1e-5"]] == pytest.approx(1e-5)
    assert summary.expected(both, 15) == (160 + 8) / 2
    # 1e-5 only the first: the evaluations of the other one count.
    assert summary.expected(both, 35) == 360 + 20_000
    assert found["microseconds"] == {"seconds": 1000.0, "processor": 500.0}
    assert summary.expected([_row("a", 1, 1, half, 20_000)], 35) is None


def test_a_page_says_where_we_lose(tmp_path):
    whole = list(range(51))
    rows = [
        _row(name, function, instance, [factor * (hit + 1) for hit in whole[:reached]], 20_000)
        for name, factor in (("gradless", 2), ("pycma-bipop", 1))
        for function in FUNCTIONS["bbob"]
        for instance in (1, 2)
        for reached in [30 if name == "gradless" and function == 3 else 51]
    ]
    # Instances of which a function is missing do not count.
    rows = [
        row
        for row in rows
        if row["algorithm"] == "gradless" or row["function"] < 24 or row["instance"] == 1
    ]
    document = json.loads(summary.text(summary.document(rows)))
    page.render(document, tmp_path / "bbob.md")
    text = (tmp_path / "bbob.md").read_text()
    assert "| algorithm | 2-D, 2 instances |" in text
    assert "| pycma-bipop | 100.0% (1) |" in text
    assert "| **gradless** | **98.3%** |" in text
    # The four others of the group are reached, after twice as many evaluations.
    assert "| separable | 2.00 (4, 5) |" in text
    assert "| high condition | 2.00 |" in text
    assert "- 2-D: behind on f3 (-41); ahead on none." in text
    assert (tmp_path / "bbob.png").stat().st_size > 10_000


def test_hits_of_a_noisy_problem_are_read_from_the_log(tmp_path):
    log = tmp_path / "log.dat"
    log.write_text(
        "% head\n1 0 +5.0e+02 +7e+01\n3 0 +9.9e+01 +7e+01\n9 0 +6.300e+01 1\n20 0 +2e-9 1\n"
    )
    assert problems._hits_of_log(log) == [3, 9, *[20] * 49]


@pytest.mark.parametrize(("suite", "function"), [("bbob", 8), ("bbob-noisy", 101)])
def test_all_targets_are_reached_at_the_optimum_of_coco(suite, function, tmp_path):
    cocoex = pytest.importorskip("cocoex")
    # Noise is of a sphere here, and none of it counts.
    best = cocoex.BareProblem("bbob", 1 if suite == "bbob-noisy" else function, 5, 3)
    with problems.opened(Place(suite, function, 5, 3), tmp_path, "test") as problem:
        watched = Watched(problem.function, problem.optimum, 100)
        watched(problem.lower)
        with contextlib.suppress(Finished):
            watched(best.best_parameter())
        assert problem.hits(watched)[-1] == 2
        assert len(problem.hits(watched)) == len(TARGETS)
    assert list((tmp_path / "test").rglob("*.info"))


def test_the_optimum_with_whole_numbers_is_found():
    pytest.importorskip("cocoex")
    with problems.opened(Place("bbob-mixint", 1, 5, 3)) as problem:
        assert problem.integers == 4
        assert problem.function(problem.lower) > problem.optimum > -np.inf
        assert (problem.upper - problem.lower).tolist() == [1, 3, 7, 15, 10]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--dimensions", "4"], "--dimensions 4 was given, expected one of 2, 3, 5, 10, 20"),
        (["--functions", "1-25"], "--functions 25 was given, expected one of 1 to 24"),
        (["--instances", "one"], "expected a number or a range such as 1-5"),
        (["--algorithms", "nobody"], "no algorithm is named 'nobody'"),
        (["--budget", "0"], "--budget 0 was given"),
        (["--page", "nowhere.jsonl"], "no runs in nowhere.jsonl"),
    ],
)
def test_bad_input_of_the_benchmark_is_refused(arguments, said, capsys, monkeypatch):
    monkeypatch.setattr(problems, "INSTALLED", True)
    with pytest.raises(SystemExit) as stopped:
        command.main(arguments)
    assert stopped.value.code == 2
    assert said in capsys.readouterr().err


def test_without_coco_nothing_is_measured(monkeypatch, capsys):
    monkeypatch.setattr(problems, "INSTALLED", False)
    with pytest.raises(SystemExit):
        command.main(["--instances", "1"])
    assert "cocoex is missing" in capsys.readouterr().err
