"""Which kind of session is a plan? A search, or a fit with a penalty."""

from __future__ import annotations

from typing import Any

from gradless.training.plan import Plan
from gradless.training.regularized_session import RegularizedSession
from gradless.training.session import Session

AnySession = Session | RegularizedSession
"""What trains."""


def begun(plan: Plan, *observers: Any, **how: Any) -> AnySession:
    """The session of a plan, before it begins; arguments are those of :class:`Session`."""
    kind = Session if plan.regularization is None else RegularizedSession
    return kind(plan, *observers, **how)
