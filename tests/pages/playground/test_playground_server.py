"""The server of the playground: files of one folder, for this machine alone."""

import http.client
import threading

import pytest

from gradless import cli
from gradless._core.errors import InputError
from gradless.pages.playground.server import STATIC, Server


@pytest.fixture(scope="module")
def server():
    with Server() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def ask(server, path, method="GET", host=None):
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=5)
    connection.putrequest(method, path, skip_host=True)
    if host != "":
        connection.putheader("Host", host or f"127.0.0.1:{server.server_port}")
    connection.endheaders()
    answer = connection.getresponse()
    return answer, answer.read()


@pytest.mark.parametrize("path", ["/", "/index.html", "/?data=spiral&step=3"])
def test_the_page_comes_with_a_strict_policy(server, path):
    answer, body = ask(server, path)
    assert answer.status == 200
    assert body == (STATIC / "index.html").read_bytes()
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'" in policy
    assert "unsafe-inline" not in policy
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_every_built_file_is_served_as_what_it_is(server):
    kinds = {"main.js": "text/javascript", "worker.js": "text/javascript", "style.css": "text/css",
             "icon.svg": "image/svg+xml"}  # fmt: skip
    for name, kind in kinds.items():
        answer, body = ask(server, f"/{name}")
        assert answer.headers["Content-Type"].startswith(kind)
        assert body == (STATIC / name).read_bytes()


def test_a_head_request_has_no_body(server):
    answer, body = ask(server, "/", "HEAD")
    assert answer.status == 200
    assert body == b""


@pytest.mark.parametrize(
    "path", ["/../server.py", "/%2e%2e/server.py", "//etc/passwd", "/static/", "/nothing", "/."]
)
def test_nothing_else_is_served(server, path):
    answer, body = ask(server, path)
    assert answer.status == 404
    assert body == b"no such page\n"


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "127.0.0.1.evil.example", ""])
def test_another_name_is_refused(server, host):
    answer, _ = ask(server, "/", host=host)
    assert answer.status == 421


def test_the_usual_name_of_this_machine_is_taken(server):
    answer, _ = ask(server, "/", host=f"localhost:{server.server_port}")
    assert answer.status == 200


def test_only_this_machine_is_listened_to(server):
    assert server.server_address[0] == "127.0.0.1"


def test_a_port_that_is_taken_is_said_to_be(server, capsys):
    with pytest.raises(InputError, match=f"free, got {server.server_port}"):
        Server(server.server_port)
    assert cli.main(["playground", "--no-browser", "--port", str(server.server_port)]) == 2
    assert "leave --port out" in capsys.readouterr().err


def test_a_page_stays_small():
    assert sum(file.stat().st_size for file in STATIC.iterdir()) < 300_000


def test_the_page_names_nothing_outside_of_its_folder():
    text = (STATIC / "index.html").read_text(encoding="utf-8")
    assert "http://" not in text
    assert "https://" not in text
    assert "<style" not in text
    assert " style=" not in text
    assert "onclick" not in text
    assert text.count("<script") == text.count('<script type="module" src="main.js"></script>') == 1


@pytest.mark.parametrize("browser", [True, False])
def test_the_command_opens_a_browser_unless_told_not_to(browser, monkeypatch, capsys):
    opened = []
    monkeypatch.setattr("webbrowser.open", opened.append)
    monkeypatch.setattr(Server, "serve_forever", lambda self: None)
    assert cli.main(["playground", *([] if browser else ["--no-browser"])]) == 0
    said = capsys.readouterr().out
    assert "http://127.0.0.1:" in said
    assert [address in said for address in opened] == [True] * browser
