# %% [markdown]
# # Training by forward passes only
#
# Two things that backpropagation cannot do, on a data set small enough for a laptop: train a
# network of hard thresholds as it is, and train a device that nobody can look into. Then a
# comparison of strategies over several seeds, with intervals, and a search that is repeated and
# continued bit for bit.
#
# Run it as a script, `python researcher.py`, or open it as a notebook in VS Code, Spyder or
# Jupyter (with jupytext). The picture goes to the folder `runs/researcher`.

# %%
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax.flatten_util import ravel_pytree
from scipy import stats
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split

import gradless
from gradless import strategies
from gradless.views import style

gradless.use_all_cores()  # before the first array: JAX looks at the number of cores then
FOLDER = Path("runs/researcher")
FOLDER.mkdir(parents=True, exist_ok=True)

# %% [markdown]
# ## 1. A network of signs
#
# Handwritten digits, 8 x 8 pixels (Alpaydin and Kaynak, 1998). Every hidden neuron says -1 or 1
# and nothing in between, like the perceptrons of Rosenblatt (1958). The usual way around is to
# pretend in the backward pass that the sign were the identity, the straight-through estimator
# (Bengio, Léonard and Courville, 2013). We shall not need it.

# %%
HIDDEN = 32
images, labels = load_digits(return_X_y=True)
images = (images / 16 - 0.5).astype(np.float32)
train_images, test_images, train_labels, test_labels = train_test_split(
    images, labels, test_size=0.25, stratify=labels, random_state=0
)
train = {"image": train_images, "label": train_labels}


def first_params(seed):
    """Random weights of a 64-32-10 network, LeCun et al. (1998), biases zero."""
    one, other = jax.random.split(jax.random.key(seed))
    return {
        "hidden": {"w": jax.random.normal(one, (64, HIDDEN)) / 8, "b": jnp.zeros(HIDDEN)},
        "output": {
            "w": jax.random.normal(other, (HIDDEN, 10)) / HIDDEN**0.5,
            "b": jnp.zeros(10),
        },
    }


def signs(params, image):
    """What the hidden neurons say, -1 or 1."""
    return jnp.sign(image @ params["hidden"]["w"] + params["hidden"]["b"])


def logits(params, image):
    """Outputs of the network, (samples, 10)."""
    return signs(params, image) @ params["output"]["w"] + params["output"]["b"]


def loss(params, batch):
    """Mean cross-entropy."""
    each = optax.softmax_cross_entropy_with_integer_labels(
        logits(params, batch["image"]), batch["label"]
    )
    return each.mean()


@jax.jit
def test_accuracy(params):
    """Share of the test digits that are read rightly."""
    return jnp.mean(logits(params, test_images).argmax(1) == test_labels)


# %% [markdown]
# The gradient of the hidden layer is zero everywhere, so backpropagation would leave it as it is.
# The best it could do is to train the output layer on top of random hidden neurons, which is
# logistic regression: the yardstick.

# %%
start = first_params(seed=0)
gradient = jax.grad(loss)(start, train)
print("largest gradient of the hidden layer:", float(jnp.abs(gradient["hidden"]["w"]).max()))
yardstick = LogisticRegression(max_iter=1_000).fit(signs(start, train_images), train_labels)
random_neurons = yardstick.score(signs(start, test_images), test_labels)
print(f"random hidden neurons, trained output layer: {random_neurons:.1%} of test digits right")

# %% [markdown]
# A search needs the loss and nothing else. `minimize` takes the function, the first parameters
# (any pytree) and the data; each generation sees a minibatch of its own. OpenAI-ES estimates a
# slope from the losses of random changes (Salimans, Ho, Chen, Sidor and Sutskever, 2017): it sees
# the loss smoothed over a neighbourhood, and smoothed, a step has a slope (Lehman, Chen, Clune and
# Stanley, 2018).

# %%
found = gradless.minimize(
    loss, start, "openai_es", data=train, batch_size=128, evaluations=50_000, seed=0
)
print(found)
print(f"all layers trained by search: {test_accuracy(found.center):.1%} of test digits right")

# %% [markdown]
# `found.center` is the mean of what the strategy samples, the better answer where losses are
# noisy; `found.best` is the best single candidate, judged again.
#
# ## 2. Your own loop: hardware that computes the loss
#
# Suppose that the weights sit in an analog chip. It rounds them to 4 bits, its outputs are noisy,
# and it is somewhere else: we can send it settings and read what comes out. Here the chip is a
# NumPy function, and we only ever call it.
#
# A strategy is asked for candidates and told their losses; everything in between is ours. PGPE
# (Sehnke et al., 2010) follows the mean and the spread of its samples, and bears noise well.


# %%
def chip(weights, image, noise):
    """Readings of an analog matrix product with weights of 4 bits, (samples, 10)."""
    levels = np.clip(np.round(weights * 7), -7, 7) / 7
    currents = image @ levels
    return currents + 0.3 * noise.standard_normal(currents.shape)


def share_wrong(weights, image, label, noise):
    """Share of the readings whose largest current is not that of the true digit."""
    return np.mean(chip(weights, image, noise).argmax(1) != label)


noise = np.random.default_rng(0)
strategy = strategies.get("pgpe", population=64, sigma=0.2, learning_rate=0.05, relative=False)
ask, tell = jax.jit(strategy.ask), jax.jit(strategy.tell)
decode = jax.jit(jax.vmap(strategy.decode, in_axes=(None, 0)))  # all candidates at once

key = jax.random.key(0)
state = strategy.init(key, {"weights": jnp.zeros((64, 10))})
for generation in range(151):
    if generation % 50 == 0:
        weights = np.asarray(strategy.center(state)["weights"])
        wrong = share_wrong(weights, test_images, test_labels, noise)
        print(f"generation {generation:3}: {1 - wrong:.1%} of test digits right, on the chip")
    ask_key, tell_key = jax.random.split(jax.random.fold_in(key, generation))
    candidates = ask(ask_key, state)
    settings = np.asarray(decode(state, candidates)["weights"])  # (64 candidates, 64, 10)
    batch = noise.choice(len(train_images), 256, replace=False)  # the same for all candidates
    losses = [
        share_wrong(each, train_images[batch], train_labels[batch], noise) for each in settings
    ]
    state = tell(tell_key, state, candidates, jnp.array(losses))

# %% [markdown]
# The loss was a count of wrong answers, of rounded weights, with noise: nothing that has a slope,
# and the search has fitted the weights to the chip, with its rounding and its limits. What is left
# to know is how good the same weights are on the test digits when nothing is rounded and nothing
# is noisy.

# %%
exact = np.mean((test_images @ weights).argmax(1) == test_labels)
print(f"the same weights, computed exactly: {exact:.1%} of test digits right")

# %% [markdown]
# ## 3. Which strategy is better here?
#
# One run says little. We give every strategy the same seeds, the same first weights and the same
# number of evaluations, and report the mean over seeds with its 95 % interval (Student's t), and
# the mean of the differences to the best one, seed by seed. The strategies are at their defaults.
#
# - `openai_es`: Salimans et al. (2017), a gradient from opposite pairs of random changes, and
#   Adam.
# - `snes`: Schaul, Glasmachers and Schmidhuber (2011), the natural gradient of mean and spread.
# - `sep_cma_es`: Ros and Hansen (2008), CMA-ES with a diagonal covariance.
# - `hill_climbing`: chapter 6 of Kinsley and Kukieła (2020), keep what helps.

# %%
NAMES = ("openai_es", "snes", "sep_cma_es", "hill_climbing")
SEEDS, EVALUATIONS = range(5), 10_000

accuracy = {}
for name in NAMES:
    searches = [
        gradless.minimize(
            loss,
            first_params(seed),
            name,
            data=train,
            batch_size=128,
            evaluations=EVALUATIONS,
            seed=seed,
        )
        for seed in SEEDS
    ]
    accuracy[name] = np.array([float(test_accuracy(each.center)) for each in searches])


def interval(values):
    """Mean of a few values and its 95 % interval, Student (1908)."""
    low, high = stats.t.interval(0.95, len(values) - 1, values.mean(), stats.sem(values))
    return values.mean(), low, high


ranked = sorted(NAMES, key=lambda name: -accuracy[name].mean())
for name in ranked:
    mean, low, high = interval(accuracy[name])
    text = f"{name:14} {mean:.1%} right ({low:.1%} to {high:.1%})"
    if name != ranked[0]:
        less, least, most = interval(accuracy[ranked[0]] - accuracy[name])
        text += f"   {100 * less:.1f} points less ({100 * least:.1f} to {100 * most:.1f})"
    print(text)

# %%
figure = style.blank(8, 4, "constrained")
axes = style.plain_axes(figure.subplots(), grid="x")
looks = style.looks(NAMES)
for row, name in enumerate(reversed(ranked)):
    mean, low, high = interval(accuracy[name])
    color = looks[name].color
    axes.plot([low, high], [row, row], color=color, linewidth=2)
    axes.plot(mean, row, "o", color=color, markersize=8)
    axes.plot(accuracy[name], [row] * len(SEEDS), "|", color=style.FAINT, markersize=14)
axes.set_yticks(range(len(NAMES)), reversed(ranked))
axes.xaxis.set_major_formatter(lambda share, _: f"{share:.0%}")
axes.set_xlabel("test accuracy")
axes.margins(y=0.12)
title = f"Sign network on digits, {EVALUATIONS:,} evaluations, {len(SEEDS)} seeds"
style.titled(axes, title, 7.0, "dots and lines: mean and 95 % interval")
style.save(figure, FOLDER / "strategies.png")

# %% [markdown]
# Where the interval of a difference contains 0, these seeds do not tell two strategies apart; and
# the one in front was picked because it is in front. Five seeds are few, and defaults are not the
# best that a strategy can do here.
#
# Hill climbing suffers from the minibatches: it keeps a network for the loss on one batch and
# compares it with losses on others, so that a network with a lucky batch is hard to replace.
#
# On the command line, `gradless compare digits --activation sign --batch-size 128` makes such a
# comparison for networks that come with gradless, over evaluations and over time.
#
# ## 4. Again, exactly; and on, exactly
#
# The noise that a candidate gets depends on the seed, the generation and its place in it, never on
# time or on what ran before. So the same call finds the same parameters, bit for bit, and a search
# that stopped goes on as if it had not. (`gradless repeat` and `gradless resume` do this for the
# run folders of the command line.)


# %%
def same(one, other):
    """Whether two pytrees are equal bit for bit."""
    return ravel_pytree(one)[0].tobytes() == ravel_pytree(other)[0].tobytes()


def search(evaluations, **more):
    """A search with everything but its length decided."""
    return gradless.minimize(
        loss,
        start,
        "openai_es",
        data=train,
        batch_size=128,
        evaluations=evaluations,
        seed=3,
        **more,
    )


whole = search(10_000)
again = search(10_000)
print("the same search again is the same:", same(whole.center, again.center))

half = search(5_000)
resumed = search(10_000, resume_from=half)
print("half a search that goes on is the whole:", same(whole.center, resumed.center))
assert same(whole.center, again.center)
assert same(whole.center, resumed.center)
