"""What the processor is asked, and what the compiler is told."""

import pytest

from gradless._core import hardware


@pytest.fixture
def described(tmp_path, monkeypatch):
    """Lets the processor say something else of itself."""

    def describe(text: str) -> None:
        path = tmp_path / "cpuinfo"
        path.write_text(text)
        monkeypatch.setattr(hardware, "_CPU_INFO", path)
        hardware.abilities.cache_clear()

    yield describe
    hardware.abilities.cache_clear()


@pytest.mark.parametrize(
    ("text", "bfloat16", "options"),
    [
        ("model name\t: A\nflags\t\t: fpu avx2 fma\n", False, {}),
        ("flags : avx512f avx512_vnni\n", False, {}),
        ("flags : avx512f avx512_bf16\n", True, {"xla_cpu_prefer_vector_width": 512}),
        ("Features\t: fp asimd bf16\n", True, {}),
        ("nothing known\n", False, {}),
    ],
)
def test_abilities(described, text, bfloat16, options) -> None:
    described(text)
    assert hardware.has_bfloat16() == bfloat16
    assert hardware.compiler_options() == options


def test_systems_that_do_not_say(tmp_path, described, monkeypatch) -> None:
    described("")
    monkeypatch.setattr(hardware, "_CPU_INFO", tmp_path / "missing")
    hardware.abilities.cache_clear()
    assert hardware.abilities() == frozenset()
