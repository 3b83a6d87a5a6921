"""What decides bits, set before JAX is loaded.

The bits become those of most machines: instructions that nearly all of them have, two devices, and
the same kernels of linear algebra.
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
    # Whatever else is set on a machine: LAPACK rounds by them.
    os.environ["OPENBLAS_CORETYPE"] = "Haswell"
    os.environ.pop("OPENBLAS_L2_SIZE", None)
