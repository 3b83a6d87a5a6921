"""The site has every page, public name and command, and loads nothing from a network."""

import importlib.util
import re

import pytest
from docs.site import build, pages, reference
from docs.site.places import CONFIG, EXAMPLES, PAGES, ROOT

import gradless
from gradless.cli.commands import COMMANDS

NAV = CONFIG.read_text(encoding="utf-8").partition("\nnav:\n")[2]


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    pages.write(folder)
    reference.write(folder)
    return folder


def test_navigation_has_every_page_and_every_example():
    listed = set(re.findall(r"[\w/-]+\.md", NAV))
    there = {page.name for page in PAGES.glob("*.md")} | {"contributing.md", "changelog.md"}
    there |= {f"examples/{example.stem}.md" for example in EXAMPLES.glob("*.py")}
    assert listed == there


def test_every_public_name_is_in_the_reference_once():
    names = [name for _, group in reference.GROUPS.values() for name in group]
    assert sorted([*names, "strategies"]) == sorted(gradless.__all__)


def test_what_the_reference_shows_is_there(written):
    text = "".join(page.read_text("utf-8") for page in (written / "reference").glob("*.md"))
    shown = re.findall(r"^::: (\S+)$", text, re.MULTILINE)
    assert "gradless.training.minimization.minimize" in shown
    assert "gradless.strategies.cma_es.CMAES" in shown
    for path in shown:
        module, _, name = path.rpartition(".")
        there = hasattr(importlib.import_module(module), name)
        assert there or importlib.util.find_spec(path), path


def test_every_command_has_a_page(written):
    commands = {page.stem for page in (written / "reference" / "commands").glob("*.md")}
    assert commands == COMMANDS.keys()
    assert "--time SECONDS" in (written / "reference/commands/train.md").read_text("utf-8")


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("minimize.md#bounds", "[text](minimize.md#bounds)"),
        ("../README.md", "[text](index.md)"),
        ("../CONTRIBUTING.md", "[text](contributing.md)"),
        ("../examples/learner.py", "[text](examples/learner.md)"),
        ("../src/gradless/py.typed", "text (`src/gradless/py.typed`)"),
        ("https://example.org", "[text](https://example.org)"),
        ("#here", "[text](#here)"),
    ],
)
def test_links_lead_to_pages_of_the_site(target, expected):
    assert pages.link(PAGES / "adding.md", "", "text", target) == expected


def test_code_is_left_as_it_is(written):
    for name in ("minimize.md", "coming-from.md"):
        blocks = pages._FENCE.findall((PAGES / name).read_text("utf-8"))
        text = (written / name).read_text("utf-8")
        assert blocks
        assert all(block in text for block in blocks)


@pytest.mark.parametrize(
    "loads",
    [
        '<script src="https://elsewhere.org/a.js">',
        "<img alt='' src=//elsewhere.org/a.png>",
        '<link href="http://elsewhere.org/a.css" rel="stylesheet">',
        "@import 'https://elsewhere.org/a.css'",
        "a { background: url(https://elsewhere.org/a.png) }",
    ],
)
def test_what_would_be_loaded_from_a_network_is_found(tmp_path, loads):
    (tmp_path / "page.html").write_text(f"<a href='https://paper.org'>{loads}</a>", "utf-8")
    assert len(build.from_networks(tmp_path)) == 1


def test_links_that_people_follow_are_no_loading(tmp_path):
    (tmp_path / "page.html").write_text(
        "<a href='https://paper.org'>a paper</a><script src='../a.js'></script>"
        "<link rel='canonical' href='https://here.org'>", "utf-8"
    )  # fmt: skip
    assert build.from_networks(tmp_path) == []


def test_versions_are_listed_newest_first(tmp_path):
    for version in ("0.9.0", "0.10.0"):
        (tmp_path / version).mkdir()
        (tmp_path / version / "index.html").touch()
    build._write_versions(tmp_path)
    listed = (tmp_path / "versions.json").read_text("utf-8")
    assert listed.index("0.10.0") < listed.index("0.9.0")
    assert "0.10.0/" in (tmp_path / "index.html").read_text("utf-8")


def test_what_is_missing_to_build_is_named(monkeypatch, tmp_path):
    monkeypatch.setattr(build, "_NEEDED", ("no_such_package",))
    with pytest.raises(SystemExit, match=r"no_such_package.*--group docs"):
        build.build(tmp_path, run_examples=False)
    assert ROOT.is_dir()
