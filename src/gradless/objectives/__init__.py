"""What is a good network? Losses and metrics, by name; none needs a derivative.

``get("f1")`` finds one, ``cost_matrix`` makes one of a table of costs, ``Objective`` makes one of
your own.
"""

from gradless.objectives.cost_table import cost_matrix
from gradless.objectives.losses import accuracy
from gradless.objectives.metrics import Targets
from gradless.objectives.objective import Measure, Objective
from gradless.objectives.registry import ALIASES, NAMES, OBJECTIVES, get
from gradless.objectives.targets import (
    Task,
    checked_weight,
    class_targets,
    label_targets,
    pick,
    prepared,
    value_targets,
)

__all__ = [
    "ALIASES",
    "NAMES",
    "OBJECTIVES",
    "Measure",
    "Objective",
    "Targets",
    "Task",
    "accuracy",
    "checked_weight",
    "class_targets",
    "cost_matrix",
    "get",
    "label_targets",
    "pick",
    "prepared",
    "value_targets",
]
