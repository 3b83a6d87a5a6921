"""What is the default for a table? A penalised network that cross-validation holds back.

See :class:`Fit`.
"""

from gradless.training.regularized.fit import Fit, Found, Progress
from gradless.training.regularized.settings import Settings, applies, least_evaluations

__all__ = ["Fit", "Found", "Progress", "Settings", "applies", "least_evaluations"]
