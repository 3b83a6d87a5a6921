"""A Flax NNX model: its parameters are searched, statistics of batches are left alone."""

import jax
import jax.numpy as jnp
from flax import nnx
from sklearn.datasets import load_digits

import gradless

digits = load_digits()
images = jnp.asarray(digits.images / 16 - 0.3, jnp.float32)[..., None]
labels = jnp.asarray(digits.target)
train, test = (images[:1400], labels[:1400]), (images[1400:], labels[1400:])


class Network(nnx.Module):
    def __init__(self, rngs):
        self.first = nnx.Conv(1, 16, (3, 3), strides=2, rngs=rngs)
        self.norm = nnx.BatchNorm(16, rngs=rngs)
        self.second = nnx.Conv(16, 32, (3, 3), strides=2, rngs=rngs)
        self.last = nnx.Linear(128, 10, rngs=rngs)

    def __call__(self, x):
        x = nnx.relu(self.norm(self.first(x)))
        return self.last(nnx.relu(self.second(x)).reshape(len(x), -1))


model = Network(nnx.Rngs(0))
model.eval()
graph, params, rest = nnx.split(model, nnx.Param, ...)


def loss(params, batch):
    logits = nnx.merge(graph, params, rest)(batch[0])
    return -jnp.mean(jax.nn.log_softmax(logits)[jnp.arange(len(logits)), batch[1]])


found = gradless.minimize(
    loss, params, "openai_es", rank=1, learning_rate=0.1, data=train, batch_size=100, seconds=20
)
nnx.update(model, found.center)
print(found, "\naccuracy:", float(jnp.mean(model(test[0]).argmax(1) == test[1])))
