"""What makes losses of parameters: data with a model, a JAX function, or Python code."""
