"""What is trained: networks, and their outputs without JAX."""
