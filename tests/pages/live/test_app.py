"""What the server of the live page answers, and what it refuses."""

import asyncio
import json
import os
import shutil

import psutil
import pytest
from starlette.testclient import TestClient

from gradless.pages import serving
from gradless.pages.live import app
from gradless.pages.live.app import Live
from gradless.pages.live.runs import Watched
from pages.live.conftest import make_run, rows

TOKEN = "the-token"
HERE = "http://127.0.0.1:8630"


@pytest.fixture
def client(runs):
    live = Live(runs)
    guarded = serving.Guarded(live.app(), TOKEN, frozenset({"127.0.0.1", "localhost"}))
    with TestClient(guarded, base_url=HERE) as client:
        client.live = live
        yield client


def test_the_list_has_runs_at_any_depth_those_that_run_first(client):
    told = client.get("/api/runs").json()
    assert [(run["id"], run["status"]) for run in told["runs"]] == [
        ("deep/second", "running"), ("first", "finished"),
    ]  # fmt: skip
    (second, _) = told["runs"]
    assert (second["evaluations"], second["accuracy"]) == (5000, 0.6)
    assert second["loss"] == pytest.approx(1 / 51, rel=1e-5)
    assert len(second["spark"]) == 50


def test_a_run_has_its_curves_and_what_is_said_of_it(client):
    told = client.get("/api/run", params={"id": "first"}).json()
    assert told["pictures"] == ["loss.png"]
    assert told["result"]["stalled"] == "It stands still."
    curve = client.get("/api/curve", params={"id": "first"}).json()
    assert len(curve["loss"]) == 50
    assert client.get("/picture", params={"id": "first", "name": "loss.png"}).status_code == 200


def test_what_is_written_is_seen_and_a_run_that_is_deleted_goes(runs):
    watched = Watched(runs)
    watched.look()
    before = watched.runs["first"].version
    watched.look()
    assert watched.runs["first"].version == before
    with (runs / "first" / "live.csv").open("a") as file:
        file.write(rows(51, 60))
    watched.look()
    assert watched.runs["first"].version > before
    for path in (runs / "first").iterdir():
        path.unlink()
    (runs / "first").rmdir()
    make_run(runs / "third")
    watched.look()
    assert watched.runs.keys() == {"deep/second", "third"}


@pytest.mark.parametrize("name", ["config.json", "status.json", "result.json", "live.csv", "lock"])
@pytest.mark.parametrize("content", [b"", b"{", b"[1, 2]", b"\xff\xfe\x00"])
def test_a_broken_file_breaks_nothing(runs, name, content):
    (runs / "first" / name).write_bytes(content)
    watched = Watched(runs)
    watched.look()
    assert {line["id"] for line in watched.lines()} == {"first", "deep/second"}
    assert json.dumps(watched.runs["first"].details())
    assert isinstance(watched.runs["first"].curve(), dict)


def test_a_process_that_is_gone_runs_no_more(runs):
    lock = runs / "deep" / "second" / "lock"
    lock.write_text(lock.read_text().replace(str(os.getpid()), "999999999"))
    watched = Watched(runs)
    watched.look()
    assert watched.runs["deep/second"].status == "interrupted"


def test_a_younger_process_of_the_same_number_is_another_one(runs):
    lock = runs / "deep" / "second" / "lock"
    before = psutil.Process().create_time() - 100
    os.utime(lock, (before, before))
    watched = Watched(runs)
    watched.look()
    assert watched.runs["deep/second"].training() is None
    assert watched.runs["deep/second"].status == "interrupted"


def test_an_unknown_run_is_missing(client):
    for path in ("/api/run", "/api/curve", "/picture", "/card"):
        assert client.get(path, params={"id": "nowhere", "name": "loss.png"}).status_code == 404


@pytest.mark.parametrize("name", ["config.json", "live.csv", "lock", "loss.png", "card.html"])
def test_a_folder_instead_of_a_file_breaks_nothing(client, runs, name):
    (runs / "first" / name).unlink(missing_ok=True)
    (runs / "first" / name).mkdir()
    client.live.watched.look()
    for path in ("/api/run", "/api/curve"):
        assert client.get(path, params={"id": "deep/second"}).status_code == 200
        assert client.get(path, params={"id": "first"}).status_code in (200, 404)


def test_scores_that_are_better_when_greater_are_drawn_as_such(runs):
    config = json.loads((runs / "first" / "config.json").read_text())
    config["recipe"]["objective"] = "f1"
    (runs / "first" / "config.json").write_text(json.dumps(config))
    (runs / "first" / "live.csv").write_text(
        "evaluations,loss,best_loss\n1,-0.25,-0.25\n2,-0.125,-0.25\n"
    )
    (runs / "first" / "validation.csv").write_text("evaluations,loss\n2,-0.5\n")
    watched = Watched(runs)
    watched.look()
    told = watched.curve("first")
    assert told["loss"] == [0.25, 0.125]
    assert told["best_loss"] == [0.25, 0.25]
    assert told["validation"]["loss"] == [0.5]
    line = next(line for line in watched.lines() if line["id"] == "first")
    assert (line["loss"], line["validation"]) == (0.25, 0.5)


async def _news(live, count):
    """The next events of an application that looks only when it is asked to."""
    answer = await live._events(None)
    events = answer.body_iterator
    got = [await anext(events)]
    for change in count:
        change()
        live.watched.look()
        live._write()
        got.append(await anext(events))
    await events.aclose()
    return [json.loads(event.partition("data: ")[2]) for event in got]


def test_events_bring_all_at_first_then_what_has_changed(runs, monkeypatch):
    monkeypatch.setattr(app, "EVERY", 0.01)

    def grows():
        with (runs / "first" / "live.csv").open("a") as file:
            file.write(rows(51, 52))

    def goes():
        shutil.rmtree(runs / "first")

    first, grown, gone = asyncio.run(_news(Live(runs), [grows, goes]))
    assert first["first"]
    assert {line["id"] for line in first["runs"]} == {"first", "deep/second"}
    assert not grown["first"]
    assert [(line["id"], line["evaluations"]) for line in grown["runs"]] == [("first", 5100)]
    assert (gone["gone"], gone["runs"]) == (["first"], [])


# --- What an attacker may try ---------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    ["../../secret.png", "/etc/passwd", "..%2fsecret.png", "secret", "link.png", "a/../loss.png"],
)
def test_no_file_outside_of_a_run_is_opened(client, runs, name):
    (runs.parent / "secret.png").write_bytes(b"secret")
    (runs / "secret.png").write_bytes(b"secret")
    (runs / "first" / "link.png").symlink_to(runs.parent / "secret.png")
    answer = client.get("/picture", params={"id": "first", "name": name})
    assert answer.status_code == 404
    assert b"secret" not in answer.content


@pytest.mark.parametrize("path", ["/../app.py", "/%2e%2e/app.py", "/static/../../app.py"])
def test_no_file_outside_of_the_page_is_served(client, path):
    assert client.get(path).status_code == 404


@pytest.mark.parametrize("name", ["live.csv", "config.json", "result.json", "card.html"])
def test_no_file_that_a_link_leads_to_is_read(client, runs, name):
    outside = runs.parent / "outside"
    outside.write_text('{"stalled": "secret", "recipe": {"strategy": "secret"}}')
    if name == "live.csv":
        outside.write_text("evaluations,loss,best_loss\n987654321,1,1\n")
    (runs / "first" / name).unlink(missing_ok=True)
    (runs / "first" / name).symlink_to(outside)
    client.live.watched.look()
    for path in ("/api/run", "/api/curve", "/card"):
        answer = client.get(path, params={"id": "first"})
        assert "secret" not in answer.text
        assert "987654321" not in answer.text


def test_a_pipe_in_a_run_folder_holds_nobody_up(client, runs):
    (runs / "first" / "live.csv").unlink()
    os.mkfifo(runs / "first" / "live.csv")
    client.live.watched.look()
    assert client.get("/api/curve", params={"id": "first"}).json() == {}


def test_a_process_that_does_not_hold_the_run_is_not_stopped(client, runs, monkeypatch):
    """Whoever can write into a shared folder cannot have another process ended."""
    monkeypatch.setattr(psutil.Process, "send_signal", lambda *_: pytest.fail("sent"))
    make_run(runs / "third", status="running")  # whose lock names this process, which has it not
    client.live.watched.look()
    answer = client.post(
        "/api/stop", params={"id": "third"}, headers={"X-Gradless-Token": TOKEN, "Origin": HERE}
    )
    assert answer.status_code == 409


def test_folders_that_links_lead_to_are_not_watched(runs, tmp_path):
    make_run(tmp_path / "elsewhere" / "run")
    (runs / "link").symlink_to(tmp_path / "elsewhere")
    watched = Watched(runs)
    watched.look()
    assert watched.runs.keys() == {"first", "deep/second"}


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "evil.example:8630", ""]
)
def test_another_name_of_this_address_is_refused(client, host):
    answer = client.get("/api/runs", headers={"Host": host})
    assert answer.status_code == 421
    assert "first" not in answer.text


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://127.0.0.1:9999"])
def test_another_page_is_refused(client, origin):
    token = {"X-Gradless-Token": TOKEN}
    for call in (client.get, client.post):
        assert call("/api/stop", headers={"Origin": origin, **token}).status_code == 403


@pytest.mark.parametrize("token", [None, "", "the-toke", "the-token2", "é"])
@pytest.mark.parametrize("path", ["/api/stop", "/api/resume"])
def test_nothing_is_changed_without_the_token(client, path, token, monkeypatch):
    monkeypatch.setattr(psutil.Process, "send_signal", lambda *_: pytest.fail("sent"))
    given = {} if token is None else {b"X-Gradless-Token": token.encode()}
    answer = client.post(path, params={"id": "deep/second"}, headers=given)
    assert answer.status_code == 403


def test_a_look_changes_nothing(client):
    for path in ("/api/stop", "/api/resume"):
        assert client.get(path, params={"id": "deep/second"}).status_code in (404, 405)


def test_with_the_token_a_run_is_asked_to_stop(client, monkeypatch):
    sent = []
    monkeypatch.setattr(psutil.Process, "send_signal", lambda _, number: sent.append(number))
    headers = {"X-Gradless-Token": TOKEN, "Origin": HERE}
    answer = client.post("/api/stop", params={"id": "deep/second"}, headers=headers)
    assert (answer.status_code, len(sent)) == (200, 1)
    answer = client.post("/api/stop", params={"id": "first"}, headers=headers)
    assert answer.status_code == 409
    answer = client.post("/api/resume", params={"id": "deep/second"}, headers=headers)
    assert "is running" in answer.json()["said"]


def test_pages_load_nothing_from_elsewhere(client):
    policy = client.get("/").headers["content-security-policy"]
    assert "default-src 'self'" in policy
    assert "unsafe-inline" not in policy
    assert "'unsafe-eval'" not in policy
    for path in ("/", "/api/runs"):
        headers = client.get(path).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"


def test_a_card_may_do_nothing(client, runs):
    (runs / "first" / "card.html").write_text("<script>alert(1)</script>")
    answer = client.get("/card", params={"id": "first"})
    assert "sandbox" in answer.headers["content-security-policy"]
    assert "default-src 'none'" in answer.headers["content-security-policy"]
