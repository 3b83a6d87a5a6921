"""How is an estimator kept in a file? As arrays and text, without pickle: no code is ever run."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from gradless import strategies
from gradless._core import storage
from gradless._core.errors import InputError
from gradless.data.scaling import Moments
from gradless.models.mlp import MLP, Dense
from gradless.strategies import Strategy
from gradless.strategies.wrappers import Restarts
from gradless.training.history import History

_FORMAT = 1
_TEXTS = ("strategy_reason_", "stopped_because_")


def write(estimator: Any, path: Path) -> None:
    """Write a fitted estimator.

    Raises
    ------
    InputError
        If a parameter is one that no file can hold, such as a function, or the file cannot be
        written.
    """
    history = estimator.history_.arrays()
    about = {
        "format": _FORMAT,
        "estimator": type(estimator).__name__,
        "parameters": {
            name: _described(name, value)
            for name, value in estimator.get_params(deep=False).items()
        },
        "sizes": list(estimator._model.sizes),
        "activation": estimator._model.activation,
        "weights": estimator._model.weights,
        "rows": len(estimator.history_),
        "losses": str(estimator.history_.column("loss").dtype),
        "measures": list(estimator.history_.measures),
        "looks": len(estimator.validation_losses_),
        "strategy": _described("strategy_", estimator.strategy_),
        "fitted": {
            name: getattr(estimator, name)
            for name in ("best_loss_", "n_evaluations_", *_TEXTS, *estimator._more_fitted)
        },
    }
    about["alpha"] = [estimator.alpha_, estimator.alphas_.tolist(), estimator.cv_losses_.tolist()]
    if hasattr(estimator, "classes_"):
        about["classes"] = _listed(estimator.classes_)
    if estimator._moments is not None:
        about["seen"], about["rounds"] = estimator._moments[0].weight, estimator._rounds
    if hasattr(estimator, "feature_names_in_"):
        about["feature_names"] = [str(name) for name in estimator.feature_names_in_]
    stored = estimator._model.stored(estimator._layers)
    try:
        storage.save_tree(path, _arrays(estimator, stored, history), about)
    except OSError as error:
        raise storage.unwritable(path, error) from None


def _arrays(estimator: Any, layers: Any, history: dict[str, npt.NDArray[Any]]) -> dict[str, Any]:
    """Everything that is an array, but for names and labels."""
    arrays = {
        "coefs": [layer.weights for layer in layers],
        "intercepts": [layer.biases for layer in layers],
        "feature_mean": estimator.feature_mean_,
        "feature_scale": estimator.feature_scale_,
        "validation_losses": estimator.validation_losses_,
        "history": history,
    }
    if estimator.output_scale_ is not None:
        arrays |= {"output_scale": estimator.output_scale_, "output_shift": estimator.output_shift_}
    if estimator._moments is not None:
        arrays["moments"] = [each and each[1:] for each in estimator._moments]
    return arrays


def read(path: Path, classes: Mapping[str, Any]) -> Any:
    """Read an estimator, which is one of these classes by their names.

    Raises
    ------
    InputError
        If the file is missing, damaged, or holds something else.
    """
    if not path.exists():
        raise InputError(f"{path} does not exist, expected a file that save has written")
    about = storage.load_about(path)
    if not isinstance(about, dict) or about.get("estimator") not in classes:
        raise InputError(
            f"{path} must be a file that save has written, got one without an estimator"
        )
    if about.get("format") != _FORMAT:
        raise InputError(
            f"{path} must have format {_FORMAT}, got {about.get('format')!r}; it was written by "
            "another version of gradless, perhaps a newer one"
        )
    try:
        estimator, like = _described_by(about, classes)
        arrays = storage.load_tree(path, like)
    except InputError:
        raise
    except (AttributeError, KeyError, MemoryError, TypeError, ValueError) as error:
        raise InputError(
            f"{path} does not describe an estimator ({error!r}); use another copy of it"
        ) from None
    layers = estimator._model.restored(map(Dense, arrays["coefs"], arrays["intercepts"]), path)
    arrays["coefs"] = [layer.weights for layer in layers]
    for name in like.keys() - {"history", "moments"}:
        setattr(estimator, f"{name}_", arrays[name])
    if "moments" in like:
        seen = estimator._moments[0].weight
        estimator._moments = tuple(each and Moments(seen, *each) for each in arrays["moments"])
    estimator.history_ = History.from_arrays(arrays["history"])
    return estimator


def _described_by(about: dict[str, Any], classes: Mapping[str, Any]) -> tuple[Any, dict[str, Any]]:
    """An estimator with arrays of zeros, and these as they are in the file."""
    cls = classes[about["estimator"]]
    estimator: Any = cls(**{k: _made(v) for k, v in about["parameters"].items()})
    sizes = about["sizes"]
    # Files of before weights of eight bits do not name theirs.
    weights = about.get("weights", "float32")
    estimator._model = MLP(tuple(sizes), about["activation"], weights=weights)
    estimator.feature_mean_, estimator.feature_scale_ = np.zeros(sizes[0]), np.zeros(sizes[0])
    estimator.validation_losses_ = np.zeros(about["looks"])
    regression = cls._default_objective == "squared_error"
    estimator.output_scale_ = np.zeros(sizes[-1]) if regression else None
    estimator.output_shift_ = np.zeros(sizes[-1]) if regression else None
    for name in ("best_loss_", "n_evaluations_", *_TEXTS, *cls._more_fitted):
        setattr(estimator, name, about["fitted"][name])
    estimator.strategy_ = _made(about["strategy"])
    estimator.n_features_in_, estimator.n_outputs_ = sizes[0], sizes[-1]
    # Files of before had no penalty.
    alpha, alphas, losses_of_them = about.get("alpha", [0.0, [], []])
    estimator.alpha_ = float(alpha)
    estimator.alphas_, estimator.cv_losses_ = np.array(alphas, float), np.array(losses_of_them)
    if "classes" in about:
        estimator.classes_ = np.array(about["classes"]["values"], about["classes"]["dtype"])
    if "feature_names" in about:
        estimator.feature_names_in_ = np.array(about["feature_names"], object)
    if "seen" in about:
        features = Moments(float(about["seen"]), np.zeros(sizes[0]), np.zeros(sizes[0]))
        numbers = Moments(features.weight, np.zeros(sizes[-1]), np.zeros(sizes[-1]))
        estimator._moments = features, numbers if regression else None
        estimator._rounds = int(about["rounds"])
    # Files of before have losses of single precision, and an accuracy that may be unknown.
    losses, measures = about.get("losses", "float32"), about.get("measures", ["accuracy"])
    empty = History.empty_arrays(about["rows"], losses, measures)
    return estimator, _arrays(estimator, estimator._model.stored_zeros(), empty)


def _listed(classes: npt.NDArray[Any]) -> dict[str, Any]:
    """Labels as JSON has them."""
    values = classes.tolist()
    if not all(isinstance(value, str | int | float) for value in values):
        raise InputError(
            f"classes must be numbers, texts, True or False to be saved, got {values[0]!r}"
        )
    return {"dtype": "object" if classes.dtype == object else classes.dtype.str, "values": values}


def _described(name: str, value: Any) -> Any:
    """A parameter as JSON has it; what is no plain value becomes {kind: content}."""
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, tuple | list | np.ndarray):
        items = [_described(name, each) for each in value]
        return {"tuple": items} if isinstance(value, tuple) else items
    if isinstance(value, dict):
        return {"dict": [[_described(name, k), _described(name, v)] for k, v in value.items()]}
    if isinstance(value, Restarts):
        about = {"strategy": value.strategy, "patience": value.patience, "spread": value.spread}
        return {"restarts": {key: _described(name, each) for key, each in about.items()}}
    known = getattr(value, "name", None)
    if isinstance(value, Strategy) and known is not None:
        fields: Any = value
        if type(strategies.get(known)) is type(value):
            return {"strategy": known, "hyperparameters": dataclasses.asdict(fields)}
    raise InputError(
        f"{name} must be a number, a text or a strategy by name to be saved, got {value!r}; "
        f"set_params({name}=None) before saving, and give it again after loading"
    )


def _made(value: Any) -> Any:
    """The value that :func:`_described` described."""
    if isinstance(value, list):
        return [_made(each) for each in value]
    if not isinstance(value, dict):
        return value
    if "tuple" in value:
        return tuple(_made(each) for each in value["tuple"])
    if "dict" in value:
        return {_made(k): _made(v) for k, v in value["dict"]}
    if "restarts" in value:
        return Restarts(**{key: _made(each) for key, each in value["restarts"].items()})
    return strategies.get(value["strategy"], **value["hyperparameters"])
