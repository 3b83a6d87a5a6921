"""How is a whole population computed without writing a changed weight? By walking a jaxpr.

A loss is traced once. Its jaxpr is walked with values that are arrays, or weights of which only the
change of a member is known (:class:`changed.Changed`), under ``jax.vmap`` over members. What
depends on the center alone has no axis of members and is computed once for all of them; a product
with a changed weight is one with the center and two thin ones. A primitive without a rule writes
out the weight that it is given, and the report says which.

Only public interfaces of JAX are used: ``jax.make_jaxpr`` and ``jax.extend.core``.
"""
