# %% [markdown]
# # After chapter 6: what comes next?
#
# You have read chapter 6 of "Neural Networks from Scratch" (Kinsley and Kukieła, 2020). Its two
# searches know nothing of gradients: they change weights at random and look whether the loss
# falls. The second one learns the easy data set, and neither learns the spiral. This notebook asks
# why, and then trains the spiral all the same, still without a gradient.
#
# Run it as a script, `python learner.py`, or open it as a notebook in VS Code, Spyder or Jupyter
# (with jupytext). The pictures are saved in the folder `runs/learner`; in a notebook, `%matplotlib
# inline` shows them below the cells too.

# %%
from pathlib import Path

import numpy as np

from gradless import GradientFreeClassifier, book
from gradless.strategies import HillClimbing
from gradless.views.curves import curve
from gradless.views.decisions import decision_boundary

PICTURES = Path("runs/learner")
TRIES = 400_000  # for each of the longer searches

# %% [markdown]
# ## 1. Guessing: random search
#
# `gradless.book` holds the chapter's layers, loss, data and searches, to the digit. Approach 1
# draws all weights anew ten thousand times and remembers the best ones. It prints a line whenever
# it finds better ones, the lines of the book.

# %%
guessed = book.random_search()

# %% [markdown]
# How good is that? A network that gives each of the three classes a probability of 1/3 has a loss
# of ln 3, whatever the data are. Random search ends a hair below it.

# %%
print(f"knowing nothing: loss {np.log(3):.4f}")
print(f"random search: loss {guessed.best_loss:.4f}, accuracy {guessed.best_accuracy:.1%}")

# %% [markdown]
# There are two reasons. The weights are drawn small (0.05 times a normal number), and a network
# with small weights hardly reacts to its input. And whatever a good draw has found is thrown away:
# the next one begins from nothing.
#
# ## 2. Keeping what works: hill climbing
#
# Approach 2 changes the best weights a little, and keeps the change if the loss falls. Each
# success is the start of the next try. On the easy data, three clouds side by side, a thousand
# tries are enough.

# %%
climbed = book.hill_climb(report=lambda line: None)  # without the lines, there are many
print(f"hill climbing: loss {climbed.best_loss:.4f}, accuracy {climbed.best_accuracy:.1%}")

# %% [markdown]
# The picture of its loss: grey is every try, blue the best network so far. It falls fast at first
# and slowly later, because the better the network is, the fewer changes improve it.

# %%
curve(
    np.arange(1, len(climbed.losses) + 1),
    climbed.losses,
    np.minimum.accumulate(climbed.losses),
    PICTURES / "vertical-loss.png",
    title="Hill climbing on the vertical data",
    x_label="iteration",
)


# %% [markdown]
# And what has it learnt? We build the network from the layers that were found, ask it about every
# point of the plane, and colour the plane by the answer. The paler the colour, the less sure the
# network is.


# %%
def probabilities(found, points):
    """Probabilities of the classes, (points, 3), by the network that a search of the book found."""
    dense1, dense2 = book.Layer_Dense(2, 3), book.Layer_Dense(3, 3)
    dense1.weights, dense1.biases = found.dense1_weights, found.dense1_biases
    dense2.weights, dense2.biases = found.dense2_weights, found.dense2_biases
    activation1, activation2 = book.Activation_ReLU(), book.Activation_Softmax()
    dense1.forward(points)
    activation1.forward(dense1.output)
    dense2.forward(activation1.output)
    activation2.forward(dense2.output)
    return activation2.output


def draw(name, predict, X, y, title):
    """Save the decision boundary of a network on data of three classes."""
    names, axes = ("0", "1", "2"), ("x", "y")
    return decision_boundary(predict, X, y, names, axes, PICTURES / f"{name}.png", title)


book.init()  # the book's seed: the data that the search has seen
X, y = book.vertical_data(samples=100, classes=3)
draw(
    "vertical-boundary",
    lambda points: probabilities(climbed, points),
    X,
    y,
    "Vertical data, the chapter's hill climbing",
)

# %% [markdown]
# ## 3. The spiral
#
# The same search, on three arms that wind around each other.

# %%
stuck = book.hill_climb("spiral", report=lambda line: None)
print(f"spiral: loss {stuck.best_loss:.4f}, accuracy {stuck.best_accuracy:.1%}")

book.init()
X, y = book.spiral_data(samples=100, classes=3)
draw(
    "spiral-book",
    lambda points: probabilities(stuck, points),
    X,
    y,
    "Spiral, the chapter's hill climbing",
)

# %% [markdown]
# A few straight cuts through the plane, and little more than guessing. What is missing? It could
# be three things:
#
# - **time**: a thousand tries are few;
# - **room**: three hidden neurons make three straight lines, and no three lines separate three
#   winding arms;
# - **a better search**: one random change in all weights at once is mostly a bad one.
#
# We can test all of them. The loop in Python becomes slow now, so we let gradless run the same
# search: `HillClimbing` is the chapter's rule, compiled, and `GradientFreeClassifier` is a network
# with scikit-learn's `fit` and `predict`. To feel the difference in speed, count networks a
# second.


# %%
def train(hidden, strategy):
    """A network of one hidden layer trained on the spiral."""
    model = GradientFreeClassifier(
        hidden_layer_sizes=(hidden,), strategy=strategy, max_evaluations=TRIES, random_state=0
    )
    return model.fit(X, y)


more_time = train(3, HillClimbing(sigma=0.05))
last = more_time.history_.last
pace = last.evaluations / last.seconds
print(f"{last.evaluations:,} networks in {last.seconds:.1f} s, {pace:,.0f} a second")
print(f"three neurons, {TRIES:,} tries: {more_time.score(X, y):.1%} right")

# %% [markdown]
# Hundreds of times as many tries, and it is still lost: time is not what is missing. Now with 64
# hidden neurons instead of three.

# %%
more_room = train(64, HillClimbing(sigma=0.05))
print(f"64 neurons, {TRIES:,} tries: {more_room.score(X, y):.1%} right")

# %% [markdown]
# Better, and still far from right. Let us look at how it searched: how fast did the loss fall?

# %%
best = more_room.history_.column("best_loss")
tries = more_room.history_.column("evaluations")
sizes = [array.size for array in (*more_room.coefs_, *more_room.intercepts_)]
print(f"{sum(sizes)} weights and biases")
for end in (1, 1_000, 10_000, 100_000, TRIES):
    at = np.searchsorted(tries, end, side="right") - 1
    print(f"after {tries[at]:>7,} tries: best loss {best[at]:.4f}")
curve(
    tries,
    more_room.history_.column("loss"),
    best,
    PICTURES / "spiral-hill-climbing-loss.png",
    title="hill_climbing on the spiral, 64 hidden neurons",
)

# %% [markdown]
# The first thousand tries gain more than all the others. A random change moves every weight and
# every bias at once, some in a good direction and as many in a bad one, and the two nearly cancel
# out. The closer the network is to a good place, the more often the bad ones win. And from a
# failed try, hill climbing learns nothing at all: it forgets the change and its loss.
#
# ## 4. Learning from every try
#
# What if we change one weight alone? If the loss falls, that weight should go this way; if it
# rises, the other way; and by how much it changed says how important the weight is. Two tries for
# each weight, one up and one down, tell the slope of the loss along all of them, and no try is
# wasted. Nobody needs to know how the network computes: it is still guess and look, only in an
# orderly way.
#
# A strategy that does this is `fd_lbfgs` (finite differences; Berahas, Byrd and Nocedal, 2019). It
# remembers how the slope changed in its last steps, which tells how far to go in each direction.
# We do not have to choose it ourselves: the strategy is "auto" unless we name one, and it says
# what was chosen, and why.

# %%
orderly = train(64, "auto")
print(f"{orderly.strategy_.name}: {orderly.strategy_reason_}")
print(f"64 neurons, {TRIES:,} tries: {orderly.score(X, y):.1%} right")
history = orderly.history_
curve(
    history.column("evaluations"),
    history.column("loss"),
    history.column("best_loss"),
    PICTURES / "spiral-loss.png",
    title=f"{orderly.strategy_.name} on the spiral, 64 hidden neurons",
)

# %%
draw(
    "spiral-boundary",
    orderly.predict_proba,
    X,
    y,
    f"Spiral, {orderly.strategy_.name}",
)
print(f"{np.sum(~X.any(axis=1))} points lie at the origin")

# %% [markdown]
# The arms are there. Not all 300 points can be right: the arms begin at the same place, and three
# points, one of each class, lie on each other.
#
# All four networks side by side, at the same number of tries. Was it room or search? The small
# network with the better search answers that.

# %%
small_orderly = train(3, "fd_lbfgs")
table = [
    ("3 neurons", "hill climbing", more_time),
    ("3 neurons", "fd_lbfgs", small_orderly),
    ("64 neurons", "hill climbing", more_room),
    ("64 neurons", "fd_lbfgs", orderly),
]
for size, search, model in table:
    print(f"{size:>10}, {search:13}: loss {model.best_loss_:.4f}, {model.score(X, y):.1%} right")

# %% [markdown]
# ## 5. Is it good, or has it learnt the points by heart?
#
# So far we have asked about the very points that the network was trained on. Honest is a test on
# points that it has never seen: a new spiral, drawn with another seed.

# %%
book.init(seed=1)
X_new, y_new = book.spiral_data(samples=100, classes=3)
for size, search, model in table:
    print(f"{size:>10}, {search:13}: {model.score(X_new, y_new):.1%} of new points right")

# %% [markdown]
# What a network loses from the training points to these, it had learnt by heart, or it was luck:
# the arms are drawn with noise, and here and there they touch. A later chapter of the book is
# about that.
#
# ## What we have learnt
#
# - Random search forgets what it finds; hill climbing keeps it, and that is enough for easy data.
# - On the spiral, three neurons are too few for either search. With enough of them, hill climbing
#   gets somewhere, slowly, because it throws away every failed try.
# - Trying each weight by itself turns every try into knowledge, and the network learns the spiral
#   without the formula of a gradient. (The book later computes the same slopes by backpropagation,
#   in one pass instead of two tries for each weight. That is why everybody uses it where it
#   works.)
# - Where it does not, with losses that jump, networks of hard thresholds or functions that nobody
#   can differentiate, searches like these still do: see `practitioner.py` and `researcher.py`.
#
# Things to try: another `sigma` for hill climbing; `HillClimbing(adapt=True)`, which learns the
# step size; fewer neurons until `fd_lbfgs` fails; another strategy by name (`gradless strategies`
# lists them). On the command line, the whole section 4 is `gradless train spiral`.
