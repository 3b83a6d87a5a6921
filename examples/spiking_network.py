"""A network of spikes: neurons that fire or not have no slope, and need none."""

import jax
import jax.numpy as jnp
from sklearn.datasets import load_digits

import gradless

digits = load_digits()
X, y = jnp.asarray(digits.data / 16, jnp.float32), jnp.asarray(digits.target)
train, test = (X[:1400], y[:1400]), (X[1400:], y[1400:])
first, last = jax.random.split(jax.random.key(0))
params = {
    "hidden": jax.random.normal(first, (64, 128)) / 4,
    "output": jax.random.normal(last, (128, 10)) / 8,
}


def logits(params, pixels, steps=8):
    """Sums of what hidden neurons that leak, integrate and fire send on."""

    def step(voltage, _):
        voltage = 0.8 * voltage + pixels @ params["hidden"]
        spikes = (voltage > 1.0).astype(jnp.float32)
        return voltage * (1 - spikes), spikes

    _, spikes = jax.lax.scan(step, jnp.zeros((len(pixels), 128)), length=steps)
    return spikes.mean(0) @ params["output"] * 4


def loss(params, batch):
    logs = jax.nn.log_softmax(logits(params, batch[0]))
    return -jnp.mean(logs[jnp.arange(len(logs)), batch[1]])


found = gradless.minimize(
    loss, params, "openai_es", rank=1, learning_rate=0.1, data=train, batch_size=200, seconds=20
)
print(found, "\naccuracy:", float(jnp.mean(logits(found.center, test[0]).argmax(1) == test[1])))
