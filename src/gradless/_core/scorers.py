"""Which class of two is a scorer of scikit-learn's about?"""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any


def lacks_positive(function: Callable[..., Any], given: Mapping[str, Any]) -> bool:
    """Whether a metric is of one class of two, ``pos_label``, and was not told of which.

    Parameters
    ----------
    function
        What a scorer of ``make_scorer`` calls.
    given
        Its other arguments.
    """
    try:
        known = inspect.signature(function).parameters
    except (TypeError, ValueError):  # built in, and says nothing of its arguments
        return False
    averaged = given.get("average", "binary") == "binary"
    return "pos_label" in known and "pos_label" not in given and averaged


def with_positive(scorer: Any, labels: Sequence[Any]) -> Any:
    """The scorer, told that it is of the second of two labels if it would look in vain for a 1.

    Where one of the labels is 1, it is of that one, as in scikit-learn.
    """
    if len(labels) != 2 or 1 in labels or not hasattr(scorer, "_score_func"):
        return scorer
    if not lacks_positive(scorer._score_func, scorer._kwargs):
        return scorer
    told = copy.copy(scorer)
    told._kwargs = {**scorer._kwargs, "pos_label": labels[1]}
    return told
