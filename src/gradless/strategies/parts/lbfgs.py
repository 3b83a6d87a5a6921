"""What does L-BFGS remember of slopes, and where does it send a search?

The two-loop recursion of Nocedal and Wright, "Numerical Optimization" (2006), algorithm 7.4, with
the scale of their equation 7.20. What is remembered is written in place: a loop that carries it
does not copy it.
"""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp


class Memory(NamedTuple):
    """Steps and changes of the gradient: the newest takes the place of the oldest."""

    steps: jax.Array  # (memory, dimension)
    changes: jax.Array  # of the gradient, (memory, dimension)
    weights: jax.Array  # one over the product of both, (memory,)
    seen: jax.Array  # gradients since it was empty, int32
    point: jax.Array  # of the last one, (dimension,)
    gradient: jax.Array  # the last one, (dimension,)
    scale: jax.Array  # of the inverse curvature, by the newest pair

    @property
    def _newest(self) -> jax.Array:
        return (self.seen - 2) % len(self.weights)

    @property
    def is_finite(self) -> jax.Array:
        """Whether what the newest pair left is finite, boolean."""
        newest = self.weights[self._newest], self.scale
        return jnp.all(jnp.isfinite(jnp.stack(newest))) | (self.seen < 2)

    def after(
        self, point: jax.Array, gradient: jax.Array, least_curvature: float, when: jax.Array
    ) -> Memory:
        """With another gradient, if ``when``.

        Cautious updating (Li and Fukushima, 2001): where the curvature along the step, as a cosine,
        is not clearly positive, enough of the step is added to the change that it is.
        """
        step, change = point - self.point, gradient - self.gradient
        length = jnp.linalg.norm(step)
        least = least_curvature * length * jnp.linalg.norm(change)
        lift = jnp.maximum(0.0, least - step @ change) / jnp.maximum(length**2, 1e-30)
        change = change + lift * step
        product = step @ change
        enters = when & (self.seen > 0)
        row = (self.seen - 1) % len(self.weights)

        def put(rows: jax.Array, new: jax.Array) -> jax.Array:
            return rows.at[row].set(jnp.where(enters, new, rows[row]).astype(rows.dtype))

        squared = change @ change
        scale = jnp.where(squared > 0, product / squared, 1.0)
        return Memory(
            put(self.steps, step),
            put(self.changes, change),
            put(self.weights, jnp.where(product == 0, 0.0, 1 / product)),
            self.seen + when.astype(self.seen.dtype),
            jnp.where(when, point, self.point),
            jnp.where(when, gradient, self.gradient),
            jnp.where(enters, scale, self.scale).astype(self.scale.dtype),
        )

    def descent(self, gradient: jax.Array) -> jax.Array:
        """The gradient times the inverse of the curvature that is remembered, (dimension,)."""
        size = len(self.weights)
        known = jnp.minimum(self.seen - 1, size)

        def backward(back: jax.Array, carry: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, ...]:
            vector, alphas = carry
            row = (self._newest - back) % size
            alpha = self.weights[row] * (self.steps[row] @ vector)
            return vector - alpha * self.changes[row], alphas.at[row].set(alpha)

        def forward(back: jax.Array, vector: jax.Array) -> jax.Array:
            row = (self._newest - (known - 1 - back)) % size
            beta = self.weights[row] * (self.changes[row] @ vector)
            return vector + (alphas[row] - beta) * self.steps[row]

        begun = gradient, jnp.zeros_like(self.weights)
        vector, alphas = jax.lax.fori_loop(0, known, backward, begun)
        return jax.lax.fori_loop(0, known, forward, self.scale * vector)

    def forgotten_where(self, condition: jax.Array) -> Memory:
        """Nothing is remembered any more, if the condition holds."""
        return self._replace(seen=jnp.where(condition, 0, self.seen))

    def begun_again_where(self, condition: jax.Array) -> Memory:
        """Only the last gradient is remembered, if the condition holds."""
        return self._replace(seen=jnp.where(condition, 1, self.seen))


def nothing(size: int, like: jax.Array) -> Memory:
    """An empty memory of so many pairs, for vectors like this one."""
    return Memory(
        steps=jnp.zeros((size, *like.shape), like.dtype),
        changes=jnp.zeros((size, *like.shape), like.dtype),
        weights=jnp.zeros(size, like.dtype),
        seen=jnp.int32(0),
        point=jnp.zeros_like(like),
        gradient=jnp.zeros_like(like),
        scale=jnp.ones((), like.dtype),
    )
