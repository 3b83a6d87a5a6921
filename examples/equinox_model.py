"""An Equinox model is given as it is: its arrays are searched, its functions are left alone."""

import equinox as eqx
import jax
import jax.numpy as jnp
from sklearn.datasets import load_digits

import gradless

digits = load_digits()
X, y = jnp.asarray(digits.data / 16 - 0.3, jnp.float32), jnp.asarray(digits.target)
train, test = (X[:1400], y[:1400]), (X[1400:], y[1400:])

model = eqx.nn.MLP(64, 10, width_size=64, depth=2, key=jax.random.key(0))


def loss(model, batch):
    pixels, labels = batch
    logits = jax.vmap(model)(pixels)
    accuracy = jnp.mean(logits.argmax(1) == labels)
    cross_entropy = -jnp.mean(jax.nn.log_softmax(logits)[jnp.arange(len(labels)), labels])
    return cross_entropy, {"accuracy": accuracy}


# Each of 256 candidates is the model plus products of thin matrices, which are never written out.
found = gradless.minimize(
    loss, model, "openai_es", rank=1, population=256, learning_rate=0.2, sigma=0.1,
    data=train, batch_size=200, seconds=20,
)  # fmt: skip
print(found)
print("accuracy on digits not seen:", float(loss(found.center, test)[1]["accuracy"]))
