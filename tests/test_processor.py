"""What the processor is asked, and what the compiler is told."""

import pytest

from gradless import processor


@pytest.fixture
def described(tmp_path, monkeypatch):
    """Lets the processor say something else of itself."""

    def describe(text: str) -> None:
        path = tmp_path / "cpuinfo"
        path.write_text(text)
        monkeypatch.setattr(processor, "_CPU_INFO", path)
        processor.abilities.cache_clear()

    yield describe
    processor.abilities.cache_clear()


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
    assert processor.has_bfloat16() == bfloat16
    assert processor.compiler_options() == options


def test_systems_that_do_not_say(tmp_path, described, monkeypatch) -> None:
    described("")
    monkeypatch.setattr(processor, "_CPU_INFO", tmp_path / "missing")
    processor.abilities.cache_clear()
    assert processor.abilities() == frozenset()
