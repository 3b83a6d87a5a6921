"""What do all rooms share? Errors, pytrees, noise, files, and facts of the machine and of JAX."""
