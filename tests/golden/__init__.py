"""Does the same seed still give the same bits? ``python -m tests.golden`` says so.

Every strategy, every kind of problem and every layout, a few generations each, and of each case
three digests: the strategy's last state, the best network and the history. Digests are kept in
``digests.toml``, in a section for each version of JAX and set of instructions that they were
recorded with. What compiles another program rounds in another way, so a version that nobody has
recorded is compared with the final losses instead, to a tolerance.
"""
