"""Which class is to be decided for, given a model's probabilities and a metric?

:func:`tune` finds a :class:`Decision` and promises what it brings on rows that did not choose it.
:func:`metric_of` makes the metric of an objective.
"""
