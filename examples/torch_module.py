# %% [markdown]
# # A PyTorch module, trained by forward passes alone
#
# gradless computes an ordinary module with JAX, for whole populations of weights, and puts the best
# ones back. Run `python torch_module.py`; `pip install ".[torch]"` installs PyTorch.

# %%
import jax
import jax.numpy as jnp
import torch

import gradless

spiral = gradless.load_dataset("spiral")
X, y = spiral.features, spiral.targets
torch.manual_seed(0)
model = torch.nn.Sequential(torch.nn.Linear(2, 64), torch.nn.ReLU(), torch.nn.Linear(64, 3))
net = gradless.problems.torch_module(model, example=torch.zeros(1, 2))


# %%
def loss(params):
    """Log loss, and the share of right answers beside it."""
    logits = net.apply(params, X)
    right = jnp.mean(logits.argmax(axis=1) == y)
    return -jnp.mean(jax.nn.log_softmax(logits)[jnp.arange(len(y)), y]), {"accuracy": right}


found = gradless.minimize(loss, net.params, evaluations=400_000)
print(f"{net}, {found.strategy.name}: {found.best_measures['accuracy']:.1%} right")

# %%
net.load(found.best)  # into the module itself
with torch.no_grad():
    answers = model(torch.tensor(X, dtype=torch.float32)).argmax(dim=1).numpy()
print(f"PyTorch itself: {(answers == y).mean():.1%} right")
