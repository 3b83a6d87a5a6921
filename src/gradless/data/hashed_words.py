"""How does free text become inputs? By its words, hashed into a fixed number of them.

Each word has a place and a sign by its hash, and a text is the sum of its words, of length 1
(Weinberger et al., "Feature hashing for large scale multitask learning", 2009; scikit-learn's
HashingVectorizer). Nothing is learned, so words that training did not see have a place as well.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

KIND = "text"
"""The kind of a column of free text."""

INPUTS = 128
"""Numbers that stand for a text."""


def parts(texts: NDArray[Any]) -> dict[str, NDArray[np.float64]]:
    """Columns of numbers (rows,) by name, of texts (rows,); None has no words."""
    from sklearn.feature_extraction.text import HashingVectorizer  # noqa: PLC0415 - takes seconds

    found = np.zeros((len(texts), INPUTS))
    if len(texts):
        given = ["" if text is None else text for text in texts]
        found[:] = HashingVectorizer(n_features=INPUTS).transform(given).toarray()
    return {f"words {place + 1}": column for place, column in enumerate(found.T)}
