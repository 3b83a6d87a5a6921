"""``gradless watch``: what it refuses before it serves, and where it serves."""

import json
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

import pytest

from gradless._core.errors import InputError
from gradless.pages import serving
from helpers.commands import call


def start(*arguments):
    command = [sys.executable, "-m", "gradless", *map(str, arguments)]
    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True)


def test_a_port_that_is_taken_is_named():
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(InputError, match=f"--port {port} on 127.0.0.1 cannot be used"):
            serving.listening("127.0.0.1", port)


def test_without_a_port_a_free_one_is_taken():
    first, second = (serving.listening("127.0.0.1", None) for _ in range(2))
    assert first.getsockname()[1] != second.getsockname()[1]
    assert {each.getsockname()[0] for each in (first, second)} == {"127.0.0.1"}
    first.close()
    second.close()


def test_a_missing_extra_is_named(monkeypatch):
    monkeypatch.setattr(serving, "find_spec", lambda name: None)
    code, _, err = call("watch")
    assert code == 2
    assert 'pip install ".[live]"' in err


def test_a_file_is_no_folder(tmp_path):
    (tmp_path / "runs").touch()
    code, _, err = call("watch", tmp_path / "runs", "--no-browser")
    assert code == 2
    assert "RUNS must be a folder" in err


def test_it_serves_until_it_is_ended(watching, tmp_path):
    address, process = watching(tmp_path / "nowhere")
    assert address.startswith("http://127.0.0.1:")
    with urllib.request.urlopen(address, timeout=20) as answer:
        assert b"Runs" in answer.read()
    token = address.partition("token=")[2]
    assert len(token) > 30
    with pytest.raises(urllib.error.HTTPError, match="403"):
        urllib.request.urlopen(
            urllib.request.Request(address.partition("?")[0] + "api/stop", b""), timeout=20
        )
    process.terminate()
    assert process.wait(20) == 143


@pytest.mark.slow
def test_train_opens_the_page_beside_the_run(tmp_path):
    command = ["train", "vertical", "--strategy", "random_search", "--time", "60", "--watch"]
    process = start(*command, "--hidden", "3", "--out", tmp_path / "runs" / "a", "--quiet")
    address = process.stderr.readline().partition("watch at ")[2].strip()
    base = address.partition("?")[0]
    for _ in range(200):
        with urllib.request.urlopen(base + "api/runs", timeout=20) as answer:
            lines = json.load(answer)["runs"]
        # Until it has trained a little, there is nothing to save, and it is forgotten.
        if [line["status"] for line in lines if line["evaluations"]] == ["running"]:
            break
        time.sleep(0.1)
    assert [line["id"] for line in lines] == ["a"]
    asked = urllib.request.Request(
        base + "api/stop?id=a", b"", {"X-Gradless-Token": address.partition("token=")[2]}
    )
    with urllib.request.urlopen(asked, timeout=20) as answer:
        assert b"stops and saves" in answer.read()
    # Where there is no terminal, the page ends with the run.
    assert process.wait(120) == 143
    process.stderr.close()


def test_train_without_the_extra_says_so_before_any_work(monkeypatch, tmp_path):
    monkeypatch.setattr(serving, "find_spec", lambda name: None)
    code, _, err = call("train", "vertical", "--watch", "--out", tmp_path / "a")
    assert code == 2
    assert 'pip install ".[live]"' in err
    assert not (tmp_path / "a").exists()
