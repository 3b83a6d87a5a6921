"""What the server of the live page answers, and what it refuses."""

import json
import os

import psutil
import pytest
from starlette.testclient import TestClient

from gradless.pages import serving
from gradless.pages.live.app import Live
from gradless.pages.live.runs import Watched
from pages.live.conftest import make_run, rows

TOKEN = "the-token"
HERE = "http://127.0.0.1:8630"


@pytest.fixture
def client(runs):
    live = Live(runs)
    app = serving.Guarded(live.app(), TOKEN, frozenset({"127.0.0.1", "localhost"}))
    with TestClient(app, base_url=HERE) as client:
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
    assert {line["id"] for line in watched.summaries()} == {"first", "deep/second"}
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
    assert watched.runs["deep/second"].process() is None


def test_an_unknown_run_is_missing(client):
    for path in ("/api/run", "/api/curve", "/picture", "/card"):
        assert client.get(path, params={"id": "nowhere", "name": "loss.png"}).status_code == 404


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
