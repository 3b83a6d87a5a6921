"""How do columns of a table become inputs of a network? By scikit-learn, as learned in training.

Numbers: the median where one is missing, then mean 0 and standard deviation 1. A column that has
gaps in the training data gets another input, which is 1 where its value is missing. Categories: one
input for each that the training data have, which is 1 for that category; a gap is a category too.
What the training data do not have is none of the known ones: all of the column's inputs are 0. Of
many categories, the inputs are what the target is in them (`target_encoding`); of free text, its
words (`hashed_words`).

The result is kept with skops, which loads data and never runs code.
"""

from __future__ import annotations

import contextlib
import functools
import warnings
import zipfile
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradless._core import storage
from gradless._core.errors import InputError, closest
from gradless.data import target_encoding
from gradless.data.cells import short
from gradless.data.columns import Columns, Kind, is_several
from gradless.data.hashed_words import KIND
from gradless.data.scaling import mean_and_scale
from gradless.data.target_encoding import columns_of_many

FloatArray = NDArray[np.float32]

MISSING = "missing"  # the category of a gap
_NUMBERS, _GAPS, _CATEGORIES, _MANY = "numbers", "gaps", "categories", "many categories"
# Beyond what skops trusts by itself: types of scikit-learn, NumPy and SciPy that hold data.
_TRUSTED = ["numpy.dtype"]
# Rows are transformed in blocks: on the way, they are objects, or in double precision.
_BLOCK_CELLS = 2**20
_NAMED = 3
_UNKNOWN = "treated as unknown"


@dataclass(frozen=True, eq=False)
class Preprocessing:
    """What was learned from the training rows, to be applied to all others alike.

    Attributes
    ----------
    transformer : sklearn.compose.ColumnTransformer
        From an array with the columns in the order of `names`: of floats if all are numbers,
        otherwise of objects, with None where a category is missing.
    names : tuple of str
        Names of the columns.
    kinds : tuple of str
        Whether each holds numbers or categories.
    """

    transformer: Any
    names: tuple[str, ...]
    kinds: tuple[Kind, ...]
    crossed: NDArray[np.float64] | None = None  # of training rows, what stands for many categories

    @classmethod
    def fit(
        cls,
        train: Columns,
        *,
        scale: bool = True,
        samples: Columns | None = None,
        weight: NDArray[np.float64] | None = None,
        targets: NDArray[Any] | None = None,
    ) -> Preprocessing:
        """Learn from training rows only: what is learned from test rows flatters the test.

        Parameters
        ----------
        train
            The rows to learn from.
        scale
            Whether numbers get mean 0 and standard deviation 1.
        samples, weight
            The same rows as a network learns from them, one of each that are equal, and how often
            there is each: then mean and deviation are to the last digit what an estimator finds.
        targets
            Class indices or numbers of the rows; without, each category has an input of its own.
        """
        names, kinds = train.feature_names, train.kinds
        train = train.flat()
        gaps = np.flatnonzero(np.isnan(train.features).any(axis=0))
        many = [] if targets is None else columns_of_many(train.kinds, train.features)
        transformer = _untrained(train.kinds, gaps.tolist(), scale, many, targets)
        array, crossed = _array(train), None
        with _global_generator_kept():
            transformer.fit(array, targets)
        if many:
            crossed = _crossed(transformer, array[:, many], targets)
        if scale and "number" in train.kinds:
            _set_scales(transformer, train if samples is None else samples.flat(), weight)
        return cls(transformer, names, kinds, crossed)

    def transform(self, columns: Columns) -> FloatArray:
        """Inputs of the network, float32 of shape (rows, inputs).

        Raises
        ------
        InputError
            If the columns are not those of training.
        """
        if columns.feature_names != self.names:
            raise InputError(
                f"columns must be {self.names}, those that the preprocessing was fitted on, got "
                f"{columns.feature_names}"
            )
        count = max(1, _BLOCK_CELLS // max(len(self.names), len(self.input_names)))
        inputs = np.empty((len(columns.features), len(self.input_names)), np.float32)
        for first in range(0, len(inputs), count):
            block = columns._replace(features=columns.features[first : first + count]).flat()
            with np.errstate(over="ignore"):  # what is too large for float32 is infinite
                inputs[first : first + count] = self.transformer.transform(_array(block))
        return inputs

    @functools.cached_property
    def flat(self) -> Columns:
        """Columns of no rows, with dates as the numbers that a network sees of them."""
        return _no_rows(self.names, self.kinds).flat()

    def _made(self) -> Iterator[tuple[int, list[str]]]:
        """The inputs in their order: the column of `flat` that some are made of, and names."""
        for part, _, columns in self._parts():
            for index, column in enumerate(columns):
                name = self.flat.feature_names[column]
                if part == _NUMBERS:
                    yield column, [name]
                elif part == _MANY:
                    yield column, target_encoding.names(name, self._of_many)
                elif part == _GAPS:
                    yield column, [f"{name} is missing"]
                else:
                    yield column, [f"{name} = {value}" for value in self._categories[index]]

    @functools.cached_property
    def sources(self) -> NDArray[np.intp]:
        """Of each input, the place in `names` of the column that it is made of."""
        kinds = zip(self.names, self.kinds, strict=True)
        parts = [len(_no_rows([name], [kind]).flat().feature_names) for name, kind in kinds]
        of_flat = np.repeat(np.arange(len(parts)), parts)
        columns = [column for column, names in self._made() for _ in names]
        return np.asarray(of_flat[columns], np.intp)

    @functools.cached_property
    def input_names(self) -> tuple[str, ...]:
        """Names of the inputs, all different."""
        names = [name for _, some in self._made() for name in some]
        seen: set[str] = set()
        for index in range(len(names)):
            while names[index] in seen:
                names[index] += "'"
            seen.add(names[index])
        return tuple(names)

    def strangers(self, columns: Columns) -> Iterator[str]:
        """What these rows have that the training rows did not, in one line for each column."""
        columns = columns.flat()
        for part, _, indices in self._parts():
            for index, column in enumerate(indices):
                if part == _NUMBERS:
                    yield from self._new_gaps(
                        columns, column, ("replaced by the median of the column")
                    )
                elif part in (_CATEGORIES, _MANY):
                    of = self._of_many if part == _MANY else self._encoder
                    known = set(map(str, of.categories_[index]))
                    if MISSING not in known:
                        yield from self._new_gaps(columns, column, _UNKNOWN)
                    yield from self._new_categories(columns, column, known)

    def _new_gaps(self, columns: Columns, column: int, so: str) -> Iterator[str]:
        count = int(np.isnan(columns.features[:, column]).sum())
        had_gaps = any(part == _GAPS and column in found for part, _, found in self._parts())
        of_file = self.flat.feature_names[column] in self.names  # parts of a date are not
        if count and not had_gaps and of_file:
            yield (
                f"column {self._short(column)}: {_cells(count)} without a value, of which the "
                f"training data had none; {so}"
            )

    def _short(self, column: int) -> str:
        return short(self.flat.feature_names[column])

    def _new_categories(
        self, columns: Columns, column: int, known: Collection[str]
    ) -> Iterator[str]:
        texts = columns.texts(column).tolist()
        unseen = Counter(text for text in texts if text is not None and text not in known)
        if not unseen:
            return
        most = [
            f"{short(name)} ({count:,}{_meant(name, known)})"
            for name, count in unseen.most_common(_NAMED)
        ]
        more = f" and {len(unseen) - _NAMED:,} more" if len(unseen) > _NAMED else ""
        yield (
            f"column {self._short(column)}: {_cells(sum(unseen.values()))} with categories that "
            f"the training data did not have: {', '.join(most)}{more}; {_UNKNOWN}"
        )

    def with_crossed(self, inputs: FloatArray, places: NDArray[np.integer]) -> NDArray[np.float32]:
        """Inputs of rows of which some were trained on, at these places there; others have -1."""
        if self.crossed is None:
            return inputs
        known = places >= 0
        inputs[known, -self.crossed.shape[1] :] = self.crossed[places[known]]
        return inputs

    @property
    def _categories(self) -> list[list[str]]:
        """The categories that are known, of each column that has some."""
        return [list(map(str, names)) for names in self._encoder.categories_]

    @property
    def _encoder(self) -> Any:
        return self.transformer.named_transformers_[_CATEGORIES].named_steps["encode"]

    @property
    def _of_many(self) -> Any:
        return self.transformer.named_transformers_[_MANY].named_steps["encode"]

    def _parts(self) -> list[tuple[str, Any, list[int]]]:
        return list(self.transformer.transformers_)

    # --- On disk ----------------------------------------------------------------------------------

    def save(self, path: Path) -> None:
        """Write the file, whole or not at all."""
        storage.write_bytes(path, self.as_bytes())

    def as_bytes(self) -> bytes:
        """What the file holds."""
        from skops import io  # noqa: PLC0415 - loads in most of a second, and runs end here

        return bytes(io.dumps(self.transformer, compression=zipfile.ZIP_DEFLATED))

    @classmethod
    def load(cls, path: Path, names: Sequence[str], kinds: Sequence[Kind]) -> Preprocessing:
        """Read a file written by :meth:`save` for these columns.

        Raises
        ------
        InputError
            If it is missing, damaged, of other columns, or anything else.
        """
        from skops import io  # noqa: PLC0415
        from skops.io.exceptions import UntrustedTypesFoundException  # noqa: PLC0415

        if not path.is_file():
            raise InputError(f"{path} does not exist, expected it in a run folder")
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # another version of scikit-learn
                transformer = io.load(path, trusted=_TRUSTED)
                found = cls(transformer, tuple(names), tuple(kinds))
                fits = _fits(found)
        except UntrustedTypesFoundException as error:
            raise InputError(
                f"{path} holds types that gradless does not write and will not load "
                f"({str(error)[:200]}); use the file of the run"
            ) from None
        except Exception as error:  # whatever damaged files make of it
            text = (str(error).splitlines() or [""])[0][:200]
            raise InputError(
                f"{path} cannot be read ({type(error).__name__}: {text}); use another copy of it"
            ) from None
        if not fits:
            raise InputError(
                f"{path} holds the preprocessing of other columns; use the file of the run"
            )
        return found


def _meant(name: str, known: Collection[str]) -> str:
    """The category that was probably meant."""
    near = closest(name, (each for each in known if each != MISSING))
    return "" if near is None else f"; perhaps {short(near)}"


def _cells(count: int) -> str:
    return f"{count:,} cell{'' if count == 1 else 's'}"


@contextlib.contextmanager
def _global_generator_kept() -> Iterator[None]:
    """Leaves NumPy's global generator as it is, of which a target encoder would draw folds."""
    state = np.random.get_state()
    try:
        yield
    finally:
        np.random.set_state(state)


def _crossed(transformer: Any, array: NDArray[Any], targets: Any) -> NDArray[np.float64]:
    """What stands for many categories in training; the scaler is that of these numbers."""
    steps = transformer.named_transformers_[_MANY].named_steps
    filled = steps["fill"].transform(array)
    found = target_encoding.of_other_rows(filled, targets, steps["encode"])
    scaler = steps["scale"]
    scaler.mean_, scaler.scale_ = mean_and_scale(found, None)
    scaler.var_ = scaler.scale_**2
    return np.asarray(scaler.transform(found), np.float64)


def _untrained(
    kinds: Sequence[Kind],
    gaps: Sequence[int],
    scale: bool,
    many: Sequence[int] = (),
    targets: NDArray[Any] | None = None,
) -> Any:
    """The transformer before it has seen any data."""
    from sklearn import compose, impute, pipeline, preprocessing  # noqa: PLC0415 - loads in seconds

    numbers = [column for column, kind in enumerate(kinds) if kind == "number"]
    categories = [
        column for column, kind in enumerate(kinds) if kind == "category" and column not in many
    ]
    steps: list[tuple[str, Any]] = [
        ("fill", impute.SimpleImputer(strategy="median", keep_empty_features=True))
    ]
    if scale:
        steps.append(("scale", preprocessing.StandardScaler()))
    encode = [
        (
            "fill",
            impute.SimpleImputer(
                missing_values=None,
                strategy="constant",
                fill_value=MISSING,
                keep_empty_features=True,
            ),
        ),
        (
            "encode",
            # Of two categories none is left out: one that is unknown would be taken for that one.
            preprocessing.OneHotEncoder(
                handle_unknown="ignore", sparse_output=False, dtype=np.float32
            ),
        ),
    ]
    parts = [
        (_NUMBERS, pipeline.Pipeline(steps), numbers),
        (_GAPS, impute.MissingIndicator(features="all"), [c for c in numbers if c in set(gaps)]),
        (_CATEGORIES, pipeline.Pipeline(encode), categories),
        (
            _MANY,
            pipeline.Pipeline(
                [
                    encode[0],
                    ("encode", target_encoding.encoder(targets)),
                    ("scale", preprocessing.StandardScaler()),
                ]
            ),
            list(many),
        ),
    ]
    used = [part for part in parts if part[2]]
    return compose.ColumnTransformer(used, sparse_threshold=0.0)


def _set_scales(transformer: Any, rows: Columns, weight: NDArray[np.float64] | None) -> None:
    """Mean and deviation of numbers of any size, as all else here has them."""
    numbers = [column for column, kind in enumerate(rows.kinds) if kind == "number"]
    steps = transformer.named_transformers_[_NUMBERS].named_steps
    filled = steps["fill"].transform(np.asarray(rows.features[:, numbers], np.float64))
    scaler = steps["scale"]
    scaler.mean_, scaler.scale_ = mean_and_scale(filled, weight)
    scaler.var_ = scaler.scale_**2


def _array(columns: Columns) -> NDArray[Any]:
    """The columns as the transformer takes them."""
    if "category" not in columns.kinds:
        return np.asarray(columns.features, np.float64)
    array = columns.features.astype(object)
    for column, kind in enumerate(columns.kinds):
        if kind == "category":
            array[:, column] = columns.texts(column)
    return array


def _fits(found: Preprocessing) -> bool:
    """Whether a loaded transformer is one for these columns, and works."""
    parts = found._parts()
    gaps = [column for part, _, columns in parts if part == _GAPS for column in columns]
    steps = dict(parts[0][1].steps) if parts[0][0] == _NUMBERS else {}
    many = [column for part, _, columns in parts if part == _MANY for column in columns]
    expected = _untrained(found.flat.kinds, gaps, "scale" in steps, many)
    if _outline(found.transformer, parts) != _outline(expected, expected.transformers):
        return False
    row = _no_rows(found.names, found.kinds)._replace(
        features=np.full((1, len(found.names)), np.nan)
    )
    return found.transform(row).shape == (1, len(found.input_names))


def _no_rows(names: Sequence[str], kinds: Sequence[Kind]) -> Columns:
    """Columns of these kinds without rows."""
    return Columns(
        np.zeros((0, len(names))),
        tuple(names),
        tuple(() if kind in ("category", KIND) else None for kind in kinds),
        tuple(kind if is_several(kind) else None for kind in kinds),
    )


def _outline(transformer: Any, parts: Sequence[tuple[str, Any, Any]]) -> list[Any]:
    """What a transformer is made of."""
    return [
        type(transformer),
        *(
            (
                name,
                type(part),
                list(columns),
                [type(step) for _, step in getattr(part, "steps", [])],
            )
            for name, part, columns in parts
        ),
    ]
