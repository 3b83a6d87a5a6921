"""What is trained: networks, their weights in other formats, and their outputs without JAX."""
