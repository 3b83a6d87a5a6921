"""Does the same seed still give the same bits? ``python -m tests.golden`` says so.

Every strategy on every kind of problem and in every layout, a few generations each, and of each
case three digests: the strategy's last state, the best network and the history. Digests are kept in
``digests.toml``, in a section for each version of JAX and set of instructions that they were
recorded with. What compiles another program rounds in another way, so a version that nobody has
recorded is compared with the final losses instead, to a tolerance.

What follows is set before JAX is loaded, and makes the bits those of most machines: instructions
that nearly all of them have, two devices, and the same kernels of linear algebra.
"""

import os
import platform

INSTRUCTIONS = "AVX2" if platform.machine().lower() in ("x86_64", "amd64") else platform.machine()
"""What programs are compiled for."""

os.environ["JAX_PLATFORMS"] = "cpu"
os.environ["JAX_NUM_CPU_DEVICES"] = "2"
os.environ.pop("JAX_COMPILATION_CACHE_DIR", None)  # programs of now, not of some day
if INSTRUCTIONS == "AVX2":
    os.environ["XLA_FLAGS"] = "--xla_cpu_max_isa=AVX2"
    os.environ.setdefault("OPENBLAS_CORETYPE", "Haswell")
