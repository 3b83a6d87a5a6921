"""Which operations of PyTorch are there, by name, and which does PyTorch leave whole?

What is not in the table is refused with its name.
"""

from __future__ import annotations

from gradless.problems.pytorch.operations.contract import Operation
from gradless.problems.pytorch.operations.elementwise import ELEMENTWISE
from gradless.problems.pytorch.operations.lookups import LOOKUPS
from gradless.problems.pytorch.operations.normalization import NORMALIZATION
from gradless.problems.pytorch.operations.pooling import POOLING
from gradless.problems.pytorch.operations.products import PRODUCTS
from gradless.problems.pytorch.operations.recurrent import RECURRENT
from gradless.problems.pytorch.operations.reductions import REDUCTIONS
from gradless.problems.pytorch.operations.resizing import RESIZING
from gradless.problems.pytorch.operations.shapes import SHAPES

OPERATIONS: dict[str, Operation] = {
    **ELEMENTWISE,
    **LOOKUPS,
    **NORMALIZATION,
    **POOLING,
    **PRODUCTS,
    **RECURRENT,
    **REDUCTIONS,
    **RESIZING,
    **SHAPES,
}
"""A JAX function for each operation, by PyTorch's name with its overload."""

WHOLE = frozenset(
    {
        "aten.bilinear.default",
        "aten.linear.default",
        "aten.scaled_dot_product_attention.default",
        *RECURRENT,
    }
)
"""Operations that PyTorch would take apart: as one product, one softmax and one scan they are less
to compile. A recurrent layer would be written out for every time."""
