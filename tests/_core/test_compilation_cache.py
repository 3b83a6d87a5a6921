import os
import subprocess
import sys
from pathlib import Path

import jax
import pytest

from gradless import cli
from gradless._core import compilation_cache

SETTINGS = ("jax_compilation_cache_dir", *compilation_cache._SETTINGS)


@pytest.fixture
def settings(monkeypatch):
    """JAX's settings as they come, and put back afterwards."""
    before = {name: getattr(jax.config, name) for name in SETTINGS}
    for name in SETTINGS:
        monkeypatch.delenv(name.upper(), raising=False)
    jax.config.update("jax_compilation_cache_dir", None)
    yield
    for name, value in before.items():
        jax.config.update(name, value)


def entry(folder: Path, name: str, used: bool = True, age: float = 0.0) -> Path:
    """A program in the cache, as JAX names it."""
    path = folder / f"{name}-cache"
    path.write_bytes(b"1234")
    os.utime(path, (path.stat().st_atime - age, path.stat().st_mtime - age))
    if used:
        (folder / f"{name}-atime").write_bytes(bytes(8))
    return path


# --- Which folder ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("system", "variable", "below"),
    [
        ("linux", "XDG_CACHE_HOME", "gradless"),
        ("linux", None, ".cache/gradless"),
        ("darwin", None, "Library/Caches/gradless"),
        ("win32", "LOCALAPPDATA", "gradless"),
    ],
)
def test_the_folder_is_where_a_system_keeps_such_things(
    monkeypatch, tmp_path, system, variable, below
):
    monkeypatch.delenv(compilation_cache.SWITCH, raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(sys, "platform", system)
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    if variable is not None:
        monkeypatch.setenv(variable, str(tmp_path))
    assert compilation_cache.folder().parent == tmp_path / below


def test_it_can_be_another_folder_or_none(monkeypatch, tmp_path):
    monkeypatch.setenv(compilation_cache.SWITCH, str(tmp_path))
    assert compilation_cache.folder().parent == tmp_path
    monkeypatch.setenv(compilation_cache.SWITCH, "OFF")
    assert compilation_cache.folder() is None
    assert compilation_cache.enable() is None


def test_every_kind_of_processor_has_its_own(monkeypatch, tmp_path):
    monkeypatch.setenv(compilation_cache.SWITCH, str(tmp_path))
    here = compilation_cache.folder()
    assert here == compilation_cache.folder()
    monkeypatch.setattr(Path, "read_text", lambda *_, **__: "flags\t: sse2\n\nflags\t: sse2")
    assert compilation_cache.folder() not in (here, tmp_path)


# --- Switching it on ------------------------------------------------------------------------------


def test_it_is_limited_and_nobody_elses(monkeypatch, tmp_path, settings):
    monkeypatch.setenv(compilation_cache.SWITCH, str(tmp_path))
    folder = compilation_cache.enable()
    assert folder == compilation_cache.folder()
    assert jax.config.jax_compilation_cache_dir == str(folder)
    assert jax.config.jax_compilation_cache_max_size == compilation_cache.LIMIT
    assert folder.stat().st_mode & 0o077 == 0


def test_settings_of_jax_are_left_alone(monkeypatch, tmp_path, settings):
    monkeypatch.setenv(compilation_cache.SWITCH, str(tmp_path))
    jax.config.update("jax_compilation_cache_dir", str(tmp_path / "own"))
    before = {name: getattr(jax.config, name) for name in SETTINGS}
    assert compilation_cache.enable() is None
    assert {name: getattr(jax.config, name) for name in SETTINGS} == before
    jax.config.update("jax_compilation_cache_dir", None)
    monkeypatch.setenv("JAX_COMPILATION_CACHE_MAX_SIZE", "7")
    assert compilation_cache.enable() is not None
    assert jax.config.jax_compilation_cache_max_size == before["jax_compilation_cache_max_size"]


def test_a_folder_that_cannot_be_made_switches_it_off(monkeypatch, tmp_path, settings):
    (tmp_path / "file").touch()
    monkeypatch.setenv(compilation_cache.SWITCH, str(tmp_path / "file"))
    assert compilation_cache.enable() is None
    assert jax.config.jax_compilation_cache_dir is None


def test_half_written_programs_are_deleted(monkeypatch, tmp_path, settings):
    monkeypatch.setenv(compilation_cache.SWITCH, str(tmp_path))
    folder = compilation_cache.folder()
    folder.mkdir()
    whole = entry(folder, "whole", age=1000)
    half = entry(folder, "half", used=False, age=1000)
    being_written = entry(folder, "new", used=False)
    compilation_cache.enable()
    assert [path.exists() for path in (whole, half, being_written)] == [True, False, True]


def test_programs_without_a_limit_have_no_time_of_use_and_are_kept(monkeypatch, tmp_path, settings):
    monkeypatch.setenv(compilation_cache.SWITCH, str(tmp_path))
    monkeypatch.setenv("JAX_COMPILATION_CACHE_MAX_SIZE", "-1")
    folder = compilation_cache.folder()
    folder.mkdir()
    program = entry(folder, "program", used=False, age=1000)
    compilation_cache.enable()
    assert program.exists()


def test_a_second_process_finds_what_the_first_compiled(tmp_path):
    code = """
import jax
from gradless._core import compilation_cache as cache
cache.enable()
jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
events = []
jax.monitoring.register_event_listener(lambda event, **_: events.append(event))
print(float(jax.jit(lambda x: x + 1)(1.0)), "/jax/compilation_cache/cache_hits" in events)
"""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("JAX_COMPILATION")}
    ran = [
        subprocess.run(
            [sys.executable, "-W", "error", "-c", code],
            env=environment | {compilation_cache.SWITCH: str(tmp_path)},
            capture_output=True,
            text=True,
            check=True,
        )
        for _ in range(2)
    ]
    assert [one.stdout for one in ran] == ["2.0 False\n", "2.0 True\n"]
    assert [one.stderr for one in ran] == ["", ""]


# --- gradless cache -------------------------------------------------------------------------------


def test_the_command_shows_and_deletes(monkeypatch, tmp_path, settings, capsys):
    monkeypatch.setenv(compilation_cache.SWITCH, str(tmp_path))
    folder = compilation_cache.folder()
    assert cli.main(["cache"]) == 0
    assert f"{folder}: 0 compiled programs" in capsys.readouterr().out
    entry(folder, "one")
    (folder / "other").touch()
    assert cli.main(["cache"]) == 0
    assert ": 1 compiled program, 4 bytes of at most 128 MiB" in capsys.readouterr().out
    assert cli.main(["cache", "--clear"]) == 0
    assert ": 0 compiled programs" in capsys.readouterr().out
    assert sorted(path.name for path in folder.iterdir()) == [".lockfile", "other"]


def test_the_command_says_that_it_is_off(monkeypatch, capsys):
    monkeypatch.setenv(compilation_cache.SWITCH, "off")
    assert cli.main(["cache"]) == 0
    assert "is off" in capsys.readouterr().out
