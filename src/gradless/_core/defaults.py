"""What is done unless one says otherwise? One set, for the command line and for the estimators.

docs/defaults.md has what was measured to choose them.
"""

HIDDEN = (16,)
"""Neurons of the hidden layers for tables: little worse than 64, in a fraction of the time."""
HIDDEN_IN_THE_PLANE = (64,)
"""For the data sets that are drawn in the plane: the chapter's network."""
EVALUATIONS = 20_000
"""Budget of an estimator, which is fitted in loops and has to give the same on any machine."""
SECONDS = 15.0
"""Budget of a command and of ``minimize``, which a person waits for."""
TEST_FRACTION = 0.25
"""Share of the rows that is kept aside to test where data are measured."""
VALIDATION = 0.2
"""Share of the training rows that is held out unless another one is given."""
FEWEST_VALIDATION_ROWS = 10
"""What fewer of them prefer is chance: then none are held out, unless a share is given."""
PATIENCE = 3.0
"""Times the evaluations of the best network that a run makes without finding a better one."""
LOG_LOSS_SHARE = 0.5
"""Of the budget, for a first phase on log loss where the objective goes in steps."""
CHECKPOINT_EVERY = 30.0
"""Seconds between two checkpoints."""
