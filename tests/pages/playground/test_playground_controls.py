"""Every control of the playground, as somebody uses it."""

import json
import math
import re

import numpy as np
import pytest

from gradless import cli
from gradless.data.datasets import load
from helpers.playground import (
    address_says,
    choose,
    evaluations,
    loss,
    slide,
    wait_for,
    write,
)

pytestmark = pytest.mark.browser


def test_the_page_searches_by_itself_and_says_what_it_sees(visit):
    page = visit()
    wait_for(page, 500)
    assert page.inner_text("#share").endswith("%")
    assert page.inner_text("#play") == "Pause"
    wait_for(page, evaluations(page))
    page.click("#play")
    assert re.match(r"Paused after [\d,]+ networks: loss 1\.", page.inner_text("#status"))
    line = page.inner_text("#log").splitlines()[0]
    assert re.fullmatch(
        r"New set of weights found, iteration: \d+ loss: [\d.]+ acc: [01]\.\d{3}", line
    )


def test_a_step_is_one_generation_and_reset_begins_again(calm):
    page = calm("?strategy=openai_es&population=10&hidden=8")
    page.locator("#reached", has_text="before the first network").wait_for()
    page.click("#one")
    wait_for(page)
    assert evaluations(page) == 11  # and the center
    first = loss(page)
    page.click("#one")
    wait_for(page, 11)
    page.click("#reset")
    page.locator("#reached", has_text="before the first").wait_for()
    page.click("#one")
    wait_for(page)
    assert (evaluations(page), loss(page)) == (11, first)


@pytest.mark.parametrize("data", ["vertical", "spiral", "moons", "circles"])
def test_data_are_those_of_gradless(calm, data):
    page = calm("?seed=3&strategy=hill_climbing")
    choose(page, "data", data)
    address_says(page, f"data={data}")
    with page.expect_download() as saved:
        page.click("#save-points")
    table = np.loadtxt(saved.value.path(), delimiter=",", skiprows=1)
    expected = load(data, seed=3)
    np.testing.assert_allclose(table[:, :2], expected.features, atol=1e-6)
    np.testing.assert_array_equal(table[:, 2], expected.targets)


def test_points_and_noise_change_the_data(calm):
    page = calm("?data=circles")
    slide(page, "samples", 60)
    address_says(page, "samples=60")
    slide(page, "noise", 0)
    address_says(page, "noise=0")
    assert page.inner_text("#noise-shown") == "0"
    with page.expect_download() as saved:
        page.click("#save-points")
    table = np.loadtxt(saved.value.path(), delimiter=",", skiprows=1)
    radius = np.hypot(table[:, 0], table[:, 1])
    assert len(table) == 60
    np.testing.assert_allclose(radius, np.where(table[:, 2] == 0, 1, 0.5), atol=1e-6)


def test_layers_neurons_and_activations(calm):
    page = calm()
    for layers in "0", "3", "2":
        choose(page, "layers", layers)
        assert page.locator("#neurons input").count() == int(layers)
    write(page, "neurons-0", 5)
    write(page, "neurons-1", 7)
    address_says(page, "hidden=5,7")
    for activation in "tanh", "sign", "step", "relu":
        choose(page, "activation", activation)
        address_says(page, f"activation={activation}")
        page.click("#one")
        wait_for(page)
    page.locator("#wiring[aria-label*='layers of 2, 5, 7, 3 neurons']").wait_for()


def test_every_strategy_searches_with_each_of_its_numbers_changed(calm):
    page = calm("?data=vertical&hidden=3")
    strategies = page.locator("#strategy option").evaluate_all("all => all.map(one => one.value)")
    assert {"random_search", "hill_climbing", "openai_es"} <= set(strategies)
    for strategy in strategies:
        choose(page, "strategy", strategy)
        address_says(page, f"strategy={strategy}&")
        assert len(page.inner_text("#strategy-about")) > 20
        for field in page.locator("#numbers input").all():
            value = 4 if field.input_value().isdigit() else 0.07
            name = field.get_attribute("id")
            write(page, name, value)
            address_says(page, f"{name.removeprefix('number-')}={value}")
        page.click("#one")
        wait_for(page)
        assert float(loss(page)) < 3


def test_a_number_that_cannot_be_is_said_to_be_wrong_and_changes_nothing(calm):
    page = calm("?strategy=hill_climbing&sigma=0.05")
    for name, wrong, must in [
        ("number-sigma", "-1", "a number above 0"),
        ("neurons-0", "0", "a whole number from 1 to 64"),
        ("seed", "1.5", "a whole number from 0"),
    ]:
        write(page, name, wrong)
        assert must in page.locator(f"#{name}").evaluate("field => field.validationMessage")
    assert "0.05" in page.inner_text("#command")


def test_seed_and_speed_and_axis_stand_in_the_address(calm):
    page = calm()
    write(page, "seed", 5)
    address_says(page, "seed=5")
    choose(page, "speed", "full")
    address_says(page, "speed=full")
    page.click("text=forward passes")
    address_says(page, "axis=passes")
    page.click("text=Play")
    wait_for(page, 1000)


def test_speed_is_kept(calm):
    page = calm("?data=vertical&hidden=3&strategy=hill_climbing&speed=5")
    seconds = page.evaluate(
        """async () => {
          const button = document.getElementById("play"), begun = performance.now();
          button.click();
          await new Promise((resolve) => setTimeout(resolve, 2000));
          button.click();
          return (performance.now() - begun) / 1000;
        }"""
    )
    page.locator("#status", has_text="Paused").wait_for()
    page.wait_for_timeout(500)  # what was asked for last is told, and read
    assert 1 <= evaluations(page) <= 5 * seconds + 3


def test_a_race_gives_both_the_same_number_of_networks(calm):
    page = calm("?data=vertical&hidden=3&strategy=openai_es&population=20&speed=full")
    page.click("#race")
    address_says(page, "rival-strategy=")
    choose(page, "strategy", "random_search")  # of the second, which is set now
    address_says(page, "rival-strategy=random_search")
    assert "strategy=openai_es" in page.url
    page.click("#play")
    wait_for(page, 2000)
    page.click("#play")
    second = evaluations(page)
    page.click("#side-a")
    page.wait_for_function("() => document.getElementById('strategy').value === 'openai_es'")
    page.wait_for_timeout(300)
    assert math.isclose(evaluations(page), second, rel_tol=0.35)
    assert "ahead by" in page.inner_text("#verdict")
    assert "Random search" in page.inner_text("#name-b")
    page.click("#race")
    assert page.locator("#figure-b").is_hidden()


def test_the_quiz_explains_each_failure(visit):
    page = visit()
    page.click("#quiz-start")
    for number in range(1, 6):
        page.wait_for_selector(f"text={number} of 5.")
        assert page.inner_text("#verdict") == ""  # it would give the answer away
        wait_for(page, 100)
        page.locator("#quiz .row button").nth(number % 3).click()
        assert len(page.inner_text("#quiz .why")) > 80
        assert page.locator("#quiz .right").count() == 1
        page.locator("#quiz > button").click()
    assert page.locator("#quiz").is_hidden()


def test_weights_can_be_used_elsewhere(calm):
    page = calm("?data=moons&hidden=6,4&activation=tanh&strategy=openai_es&seed=2&speed=full")
    page.click("#save-weights")
    assert "no network yet" in page.inner_text("#export-note")
    page.click("#play")
    wait_for(page, 2000)
    page.click("#play")
    with page.expect_download() as saved:
        page.click("#save-weights")
    network = json.loads(saved.value.path().read_text())
    data = load("moons", seed=2)
    x = data.features.astype(float)
    for layer in network["layers"][:-1]:
        x = np.tanh(x @ np.array(layer["weights"]) + np.array(layer["biases"]))
    last = network["layers"][-1]
    logits = x @ np.array(last["weights"]) + np.array(last["biases"])
    right = logits[np.arange(len(x)), data.targets]
    assert np.mean(np.logaddexp.reduce(logits, axis=1) - right) == pytest.approx(
        network["loss"], abs=1e-4
    )
    assert np.mean(logits.argmax(1) == data.targets) == pytest.approx(network["accuracy"])


def test_a_film_is_a_moving_picture(calm):
    page = calm("?data=vertical&hidden=3&strategy=hill_climbing&speed=full")
    page.click("#play")
    wait_for(page, 300)
    page.click("#play")
    with page.expect_download(timeout=30_000) as saved:
        page.click("#save-gif")
    film = saved.value.path().read_bytes()
    assert film.startswith(b"GIF89a")
    assert film.count(b"\x21\xf9\x04") >= 2  # pictures, each with how long it is shown


@pytest.mark.parametrize(
    "query",
    [
        "?data=spiral&hidden=16,8&strategy=openai_es&population=32",
        "?data=drawn&hidden=none&activation=tanh&strategy=adapted_hill_climbing&sigma=0.3"
        "#points=0,0,0;1,1,1;0,0.2,0;1,0.8,1;0.1,0.1,0;0.9,1,1",
        "?data=vertical&hidden=3&strategy=adam&learning_rate=0.02",
    ],
)
def test_command_and_python_run_as_they_stand(
    calm, query, tmp_path, monkeypatch, capsys, without_pictures
):
    page = calm(query)
    with page.expect_download() as saved:
        page.click("#save-points")
    saved.value.save_as(tmp_path / "points.csv")
    monkeypatch.chdir(tmp_path)
    shorter = ("100000", "2000")
    command = page.inner_text("#command").replace(*shorter)
    program, *arguments = command.split()
    assert program == "gradless"
    assert cli.main([*arguments, "--quiet", "--out", "run"]) == 0
    lines = page.inner_text("#python").replace(*shorter)
    assert len([line for line in lines.splitlines() if line]) <= 12
    exec(compile(lines, "python", "exec"), {})
    said = capsys.readouterr().out
    assert ("Adam (uses gradients)" if "adam" in query else "of the points right") in said


def test_a_link_is_copied(visit):
    page = visit("?step=2&data=vertical&hidden=3&strategy=hill_climbing&speed=200&seed=9")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.click("#copy-link")
    page.wait_for_selector("text=Link copied.")
    assert "seed=9" in page.evaluate("navigator.clipboard.readText()")
    page.click("#copy-command")
    page.wait_for_selector("text=Command copied.")
    page.click("#copy-python")
    page.wait_for_selector("text=Python copied.")
    assert "GradientFreeClassifier" in page.evaluate("navigator.clipboard.readText()")
