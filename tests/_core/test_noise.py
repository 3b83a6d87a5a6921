"""The noise is what it is said to be: normal, independent, and a function of key and member."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from gradless._core import noise, tree
from gradless._core.tree import Structure

COMPILES_AS_USERS_DO = True  # bits are compared
MEMBERS, SIZE = 128, 8192

normal = jax.jit(jax.vmap(noise.normal, in_axes=(0, None)), static_argnums=1)


threefry = jax.jit(noise.threefry)
to_normal = jax.jit(noise._to_normal)


def draw(key: jax.Array, members, size: int = SIZE) -> np.ndarray:
    """Noise of the given members, shape (members, size)."""
    return np.asarray(normal(noise.seeds(key, jnp.asarray(members)), size))


@pytest.fixture(scope="module")
def drawn() -> np.ndarray:
    """A million numbers: one generation of 128 members."""
    return draw(jax.random.key(0), np.arange(MEMBERS))


def largest_correlation(rows: np.ndarray) -> float:
    """Between any two different rows, in standard errors."""
    correlations = np.corrcoef(rows) - np.eye(len(rows))
    return float(np.abs(correlations).max() * np.sqrt(rows.shape[1]))


# --- The generator --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("counter", "key", "expected"),
    [
        ((0, 0), (0, 0), (0x6B200159, 0x99BA4EFE)),
        ((0xFFFFFFFF, 0xFFFFFFFF), (0xFFFFFFFF, 0xFFFFFFFF), (0x1CB996FC, 0xBB002BE7)),
        ((0x243F6A88, 0x85A308D3), (0x13198A2E, 0x03707344), (0xC4923A9C, 0x483DF7A0)),
    ],
)
def test_threefry_gives_the_published_answers(counter, key, expected) -> None:
    # threefry2x32-20 in the file kat_vectors of Random123, by the authors of the generator.
    words = threefry(tuple(map(np.uint32, key)), *map(np.uint32, counter))
    assert tuple(map(int, words)) == expected


def test_threefry_works_on_arrays_of_counters() -> None:
    first = np.array([0, 0x243F6A88, 5], np.uint32)
    second = np.array([0, 0x85A308D3, 9], np.uint32)
    key = (np.uint32(0x13198A2E), np.uint32(0x03707344))
    together = np.stack(threefry(key, first, second), axis=1)
    assert tuple(together[1]) == (0xC4923A9C, 0x483DF7A0)
    alone = [threefry(key, a, b) for a, b in zip(first, second, strict=True)]
    np.testing.assert_array_equal(together, alone)


# --- The distribution -----------------------------------------------------------------------------


def test_moments_are_those_of_the_standard_normal_distribution(drawn) -> None:
    n = drawn.size
    values = drawn.astype(np.float64)
    assert abs(values.mean()) < 4 / np.sqrt(n)
    assert abs(values.var() - 1) < 4 * np.sqrt(2 / n)
    assert abs(stats.skew(values, axis=None)) < 4 * np.sqrt(6 / n)
    assert abs(stats.kurtosis(values, axis=None)) < 4 * np.sqrt(24 / n)


def test_distribution_is_normal(drawn) -> None:
    assert stats.kstest(drawn.ravel(), "norm").pvalue > 0.01


def test_no_member_and_no_position_has_a_distribution_of_its_own(drawn) -> None:
    by_member = drawn.mean(1) * np.sqrt(SIZE)
    by_position = drawn.mean(0) * np.sqrt(MEMBERS)
    assert stats.kstest(by_member, "norm").pvalue > 0.01
    assert stats.kstest(by_position, "norm").pvalue > 0.01
    squares = (drawn.astype(np.float64) ** 2).sum(1)
    assert stats.kstest(squares, stats.chi2(SIZE).cdf).pvalue > 0.01


def test_tails_are_there_and_finite(drawn) -> None:
    beyond = np.mean(np.abs(drawn) > 3)
    expected = 2 * stats.norm.sf(3)
    assert abs(beyond - expected) < 4 * np.sqrt(expected / drawn.size)
    assert 4 < np.abs(drawn).max() < 6


def test_inversion_of_the_normal_distribution() -> None:
    bits = np.concatenate(
        [
            np.arange(4, dtype=np.uint32) << 9,
            np.uint32(0xFFFFFFFF) - (np.arange(4, dtype=np.uint32) << 9),
            np.random.default_rng(0).integers(0, 2**32, 9_992, np.uint32),
        ]
    )
    # 2^23 cells of equal probability, each represented by its middle.
    expected = stats.norm.ppf(((bits >> 9) + 0.5) / 2**23)
    np.testing.assert_allclose(to_normal(bits), expected, rtol=1e-4, atol=1e-6)


def test_inversion_is_symmetric() -> None:
    bits = np.random.default_rng(1).integers(0, 2**32, 10_000, np.uint32)
    np.testing.assert_array_equal(to_normal(~bits), -np.asarray(to_normal(bits)))


# --- Independence ---------------------------------------------------------------------------------


def test_members_are_not_correlated(drawn) -> None:
    assert largest_correlation(drawn) < 5
    # Not even in size: two members with the same noise but for its sign would show here.
    assert largest_correlation(np.abs(drawn)) < 5


def test_positions_are_not_correlated(drawn) -> None:
    assert largest_correlation(drawn[:, :512].T) < 5.7  # of 131,000 pairs
    for lag in [*range(1, 33), SIZE // 2]:
        a, b = drawn[:, :-lag].ravel(), drawn[:, lag:].ravel()
        assert abs(np.corrcoef(a, b)[0, 1]) * np.sqrt(a.size) < 4.5, lag


def test_generations_are_not_correlated() -> None:
    key = jax.random.key(0)
    generations = [draw(jax.random.fold_in(key, g), np.arange(2)) for g in range(32)]
    # Neighbouring seeds, and the same key used by jax.random, are other streams too.
    generations += [draw(jax.random.key(seed), np.arange(2)) for seed in range(1, 17)]
    generations += [jax.random.normal(jax.random.fold_in(key, g), (2, SIZE)) for g in range(4)]
    assert largest_correlation(np.concatenate(generations)) < 5


def test_leaves_are_not_correlated() -> None:
    # Equal shapes would hide a stream that is started anew in every leaf.
    structure = Structure.of([np.zeros((64, 64), np.float32)] * 6)
    vectors = draw(jax.random.key(3), np.arange(8), structure.size)
    leaves = np.concatenate([np.reshape(structure.unravel(v), (6, -1)) for v in vectors])
    assert largest_correlation(leaves) < 5


def test_nothing_is_drawn_twice() -> None:
    # A pair of numbers carries 46 bits; among 390,000 pairs one in a thousand runs repeats one.
    key = jax.random.key(0)
    members = [0, 1, 2, 3, 255, 256, 65_536, 2**31]
    pairs = [
        draw(jax.random.fold_in(key, generation), np.asarray(members, np.uint32)).reshape(-1, 2)
        for generation in range(12)
    ]
    pairs = np.ascontiguousarray(np.concatenate(pairs)).view(np.uint64).ravel()
    assert len(np.unique(pairs)) == len(pairs) == 12 * 8 * SIZE // 2


# --- A function of key and member -----------------------------------------------------------------


def test_member_alone_is_the_member_of_the_population(drawn) -> None:
    for index in (0, 1, 77, MEMBERS - 1):
        seed = jax.tree.map(lambda x: x[0], noise.seeds(jax.random.key(0), jnp.asarray([index])))
        np.testing.assert_array_equal(
            jax.jit(noise.normal, static_argnums=1)(seed, SIZE), drawn[index]
        )


def test_how_the_population_is_cut_does_not_matter(drawn) -> None:
    cuts = [0, 51, 77, MEMBERS]  # two shapes
    parts = [
        draw(jax.random.key(0), np.arange(start, stop)) for start, stop in itertools.pairwise(cuts)
    ]
    np.testing.assert_array_equal(np.concatenate(parts), drawn)
    order = np.random.default_rng(0).permutation(MEMBERS)
    np.testing.assert_array_equal(draw(jax.random.key(0), order), drawn[order])


@pytest.mark.parametrize("size", [1, 2, 21])
def test_any_size(size: int) -> None:
    values = draw(jax.random.key(5), np.arange(4000), size)
    assert values.shape == (4000, size)
    assert values.dtype == np.float32
    assert stats.kstest(values.ravel(), "norm").pvalue > 0.01
    if size > 1:
        assert largest_correlation(values.T) < 5


def test_large_member_indices_are_different_members() -> None:
    members = np.array([0, 2**31 - 1, 2**31, 2**32 - 1], np.uint32)
    values = draw(jax.random.key(0), members, 4096)
    assert largest_correlation(values) < 5


# --- Kinds of keys --------------------------------------------------------------------------------


def test_old_and_new_keys_are_the_same_seed() -> None:
    old = draw(jax.random.PRNGKey(3), np.arange(2), 64)
    new = draw(jax.random.key(3), np.arange(2), 64)
    np.testing.assert_array_equal(old, new)
    assert np.any(old != draw(jax.random.key(4), np.arange(2), 64))


@pytest.mark.parametrize("kind", ["rbg", "unsafe_rbg", "threefry2x32"])
def test_every_kind_of_key(kind: str) -> None:
    keys = [jax.random.fold_in(jax.random.key(0, impl=kind), g) for g in range(8)]
    rows = np.concatenate([draw(key, np.arange(4), 4096) for key in keys])
    assert largest_correlation(rows) < 5
    assert stats.kstest(rows.ravel(), "norm").pvalue > 0.01
    np.testing.assert_array_equal(draw(keys[3], np.arange(4), 4096), rows[12:16])


def test_both_words_of_the_key_count() -> None:
    def of_words(*words: int) -> np.ndarray:
        key = jax.random.wrap_key_data(jnp.array(words, jnp.uint32))
        return draw(key, np.arange(1), 4096)[0]

    rows = np.stack(
        [of_words(0, 0), of_words(1, 0), of_words(0, 1), of_words(1, 1), of_words(2, 3)]
    )
    assert largest_correlation(rows) < 5


# --- Keys and pieces ------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [0, 1, 7919, 2**31, 2**32 - 1])
@pytest.mark.parametrize("seed", [0, 5, 2**31 + 1])
def test_fold_in_is_that_of_jax(seed: int, number: int) -> None:
    key = jax.random.key(seed)
    expected = jax.random.key_data(jax.random.fold_in(key, number))
    np.testing.assert_array_equal(jax.random.key_data(noise.fold_in(key, number)), expected)


@pytest.mark.parametrize("implementation", ["rbg", "unsafe_rbg"])
def test_fold_in_of_other_generators_is_that_of_jax(implementation: str) -> None:
    key = jax.random.key(3, impl=implementation)
    expected = jax.random.key_data(jax.random.fold_in(key, 4))
    np.testing.assert_array_equal(jax.random.key_data(noise.fold_in(key, 4)), expected)


@pytest.mark.parametrize("size", [1, 2, 9, 10])
@pytest.mark.slow
def test_pieces_of_noise_are_those_of_the_whole(size: int) -> None:
    seed = tree.member(noise.seeds(jax.random.key(1), jnp.arange(3)), 2)
    whole = noise.normal(seed, size)
    for first in range(size):
        piece = noise.normal(seed, size, first, size - first)
        np.testing.assert_array_equal(piece, whole[first:])


def test_numbers_of_quantiles_are_like_normal_ones_and_each_member_has_its_own() -> None:
    seeds = noise.seeds(jax.random.key(3), jnp.arange(20))
    drawn = np.asarray(jax.jit(jax.vmap(lambda seed: noise.of_quantiles(seed, 5003)))(seeds))
    assert drawn.shape == (20, 5003)
    assert abs(drawn.mean()) < 0.01
    assert abs(drawn.var() - 1) < 0.01
    assert abs((drawn**4).mean() - 3) < 0.2
    assert abs(np.corrcoef(drawn) - np.eye(20)).max() < 0.08
    np.testing.assert_array_equal(noise.QUANTILES, -noise.QUANTILES[::-1])
    one = noise.of_quantiles(jax.tree.map(lambda x: x[7], seeds), 5003)
    np.testing.assert_array_equal(one, drawn[7])
