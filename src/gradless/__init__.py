"""Train neural networks without gradients."""
