"""What makes a PyTorch module a function of JAX: export, a table of operations, a walk."""
