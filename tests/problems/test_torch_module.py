"""A PyTorch module computes the same in JAX, and gets its weights back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import gradless
from gradless import InputError
from gradless.problems import torch_module
from helpers.torch_modules import GPT, Computing, quiet, torch

nn, F = torch.nn, torch.nn.functional


@pytest.fixture(autouse=True, scope="module")
def _the_same_weights() -> None:
    torch.manual_seed(0)


# --- Modules --------------------------------------------------------------------------------------


class Picture(nn.Module):
    """Convolutions of all kinds, with statistics, pooled and enlarged."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 8, 3, padding=1, stride=2, bias=False)
        self.norm = nn.BatchNorm2d(8)
        self.grouped = nn.Conv2d(8, 8, 3, padding="same", groups=4, dilation=2)
        self.larger = nn.ConvTranspose2d(8, 4, 3, 2, padding=1, output_padding=1, groups=2)
        self.last = nn.Linear(4, 5)
        self.norm.running_mean.uniform_()
        self.norm.running_var.uniform_(1, 2)

    def forward(self, x):
        x = F.relu(self.norm(self.first(x)))
        x = F.max_pool2d(x, 3, 2, 1) + F.avg_pool2d(self.grouped(x), 3, 2, ceil_mode=True)
        x = F.interpolate(F.hardswish(self.larger(x)), scale_factor=2, mode="bilinear")
        return self.last(F.adaptive_avg_pool2d(x, (3, 1)).mean((2, 3)))


class Spiking(nn.Module):
    """Leaky neurons that fire over a threshold, for five steps."""

    def __init__(self) -> None:
        super().__init__()
        self.enter, self.leave = nn.Linear(4, 8), nn.Linear(8, 3)

    def forward(self, x):
        charge, total = torch.zeros(x.shape[0], 8), 0
        for _ in range(5):
            charge = 0.9 * charge + self.enter(x)
            fired = (charge > 0.5).float()
            charge = charge - fired
            total = total + self.leave(fired)
        return total


class Step(torch.autograd.Function):
    """A step with a gradient of somebody's own, as packages for spiking networks have it."""

    @staticmethod
    def forward(context, x):
        return (x > 0).float()

    @staticmethod
    def backward(context, slope):
        return slope


def _numbers(x):
    whole = (3 * x).long()
    return (
        F.gelu(x) + F.elu(x) + F.silu(x) + F.softplus(x) + F.leaky_relu(x) + F.hardtanh(x),
        F.gelu(x, approximate="tanh") + F.mish(x) + F.relu6(x) + torch.sinc(x) + torch.erfc(x),
        x**2 + x.abs() ** 0.5 + 2**x + x**3.0 + x.remainder(0.3) + x.fmod(0.3) + x // 0.3,
        x.round() + torch.round(x, decimals=1) + x.trunc() + x.ceil() + x.sign() + x.atan2(x + 1),
        whole // 2 + whole % 3 + torch.div(whole, 2, rounding_mode="trunc") + (whole & 3),
        torch.where((x > 0) ^ (x < 1), x, 0.0).clamp(max=x.mean()),
        x.double().float() + x.bfloat16().float(),
    )


def _functions(x):
    within, above = x.tanh() / 2, x.abs() + 1
    return (
        within.acos() + within.asin() + within.atanh() + torch.erfinv(within) + torch.erf(x),
        above.acosh() + x.asinh() + x.atan() + x.cos() + x.cosh() + x.sinh() + x.tan() + x.floor(),
        above.log2() + above.log10() + above.rsqrt() + above.reciprocal() + x.exp2() + x.expm1(),
        torch.nan_to_num(x / 0) + x.maximum(within).minimum(above) + above**x + x.fmod(above),
        ((x > within) & (x < above)) | ~(x >= 1) & (x <= within) | (x != within),
        torch.logical_and(x > 0, x < 1) ^ torch.logical_or(x > 1, x < -1),
        x.sum() + x.prod() + x.max() - x.min() + x.numel() + (x > 0).any(),
        torch.var_mean(x, 1), x.prod(1), x.sort(dim=1, stable=True),
        x.scatter(1, x.argsort(1), 2 * x),
        x.scatter(1, x.argsort(1)[:, :1], 9.0), torch.cdist(x[:, :, None], within[:, :, None]),
    )  # fmt: skip


def _windows(x):
    """Of four numbers as lines, pictures and volumes."""
    line, picture = x[:, None], x.view(-1, 1, 2, 2)
    volume = torch.cat([x, 2 * x], 1).view(-1, 1, 2, 2, 2)
    padded = F.pad(volume, (1, 1, 1, 1, 1, 1), mode="reflect")
    return (
        F.pad(line, (2, 1), mode="reflect"), F.pad(line, (2, 1), mode="replicate"),
        F.pad(picture, (1, 1, 0, 1), mode="replicate"), F.pad(volume, (2,) * 6, mode="replicate"),
        F.avg_pool1d(line, 3, 2, 1), F.avg_pool3d(padded, 3, 1, count_include_pad=False),
        F.max_pool3d(padded, 2), F.max_pool1d(line, 2), F.adaptive_avg_pool3d(padded, (3, 1, 2)),
        F.adaptive_max_pool2d(picture, 1), F.adaptive_max_pool3d(padded, (2, 1, 4)),
        F.interpolate(picture, scale_factor=3), F.interpolate(picture, 5, mode="bicubic"),
        F.interpolate(picture, 3, mode="bilinear", align_corners=True),
    )  # fmt: skip


def _shapes(x):
    square = x[:, :, None] * x[:, None]
    changed = x.clone()
    changed[:, 1:3] += 2
    changed[changed > 1.5] = 0
    return [
        changed, x.roll(1, 1), x.flip(1), square.tril(), torch.diagonal(square, 1, 1, 2),
        torch.stack([x, x], 1), x.repeat(1, 2), x.unfold(1, 2, 1), x[:, [0, 2]], x.unbind(1)[1],
        x[torch.arange(x.shape[0]), x.argmax(1)], F.pad(square, (1, 2, 0, 1), mode="reflect"),
        F.pad(x, (1, 0), value=3.0), x[:, None].expand(-1, 3, -1), F.one_hot(x.argmax(1), 4),
    ]  # fmt: skip


def _axes(x):
    return {
        "sorted": x.sort(1),
        "largest": x.topk(2, 1),
        "sums": x.cumsum(1) + x.cumprod(1) + x.std(1, keepdim=True) + x.logsumexp(1, keepdim=True),
        "norms": (x.norm(dim=1), x.norm(1, 1), torch.linalg.vector_norm(x, float("inf"), 1)),
        "extremes": (x.max(1), x.min(1), x.argmin(1), x.aminmax(), (x > 0).all(1), (x > 0).sum(1)),
        "moved": torch.zeros_like(x).scatter_add(1, x.argsort(1) // 2, x).gather(1, x.argsort(1)),
        "losses": F.cross_entropy(x, x.argmax(1)) + F.smooth_l1_loss(x, 2 * x) + x.var(),
        "none": None,
    }


ENCODER = (16, 2, 32)  # width, heads, width of the layer between

SAME: dict[str, tuple[Callable[[], Any], Callable[[int], tuple[Any, ...]]]] = {
    "MLP": (
        lambda: nn.Sequential(nn.Linear(4, 32), nn.ReLU(), nn.Linear(32, 3)),
        lambda n: (torch.randn(n, 4),),
    ),
    "convolutions": (Picture, lambda n: (torch.randn(n, 3, 16, 16),)),
    "encoder": (
        lambda: nn.TransformerEncoderLayer(*ENCODER, batch_first=True, activation="gelu"),
        lambda n: (torch.randn(n, 6, 16),),
    ),
    "encoder, samples second": (
        lambda: nn.TransformerEncoderLayer(*ENCODER).requires_grad_(False),
        lambda n: (torch.randn(6, n, 16),),
    ),
    "GPT": (GPT, lambda n: (torch.randint(0, 19, (n, 6)),)),
    "LSTM": (
        lambda: nn.LSTM(4, 8, 2, batch_first=True, bidirectional=True, proj_size=3, dropout=0.5),
        lambda n: (torch.randn(n, 7, 4),),
    ),
    "GRU": (lambda: nn.GRU(4, 8, 2, bidirectional=True), lambda n: (torch.randn(7, n, 4),)),
    "RNN": (
        lambda: nn.RNN(4, 8, batch_first=True, nonlinearity="relu", bias=False),
        lambda n: (torch.randn(n, 7, 4),),
    ),
    "embedding bag, mean": (
        lambda: nn.EmbeddingBag(11, 4, padding_idx=3),
        lambda n: (torch.randint(0, 11, (n, 6)),),
    ),
    "embedding bag, max": (
        lambda: nn.EmbeddingBag(11, 4, mode="max"),
        lambda n: (torch.randint(0, 11, (n, 6)),),
    ),
    "spiking": (Spiking, lambda n: (torch.randn(n, 4),)),
    "own gradient": (lambda: Computing(Step.apply), lambda n: (torch.randn(n, 4),)),
    "attention": (
        lambda: nn.MultiheadAttention(16, 4, batch_first=True),
        lambda n: tuple(torch.randn(n, 6, 16) for _ in range(3)),
    ),
    "statistics of the batch": (
        lambda: nn.Sequential(
            nn.Conv1d(4, 6, 3), nn.InstanceNorm1d(6, affine=True), nn.GroupNorm(2, 6),
            nn.BatchNorm1d(6, track_running_stats=False),
        ),
        lambda n: (torch.randn(n, 4, 8),),
    ),
    "weights of unit norm": (
        lambda: torch.nn.utils.parametrizations.weight_norm(nn.Linear(4, 3)),
        lambda n: (torch.randn(n, 4),),
    ),
    "numbers": (lambda: Computing(_numbers), lambda n: (torch.randn(n, 4),)),
    "shapes": (lambda: Computing(_shapes), lambda n: (torch.randn(n, 4),)),
    "functions": (lambda: Computing(_functions), lambda n: (torch.randn(n, 4),)),
    "windows": (lambda: Computing(_windows), lambda n: (torch.randn(n, 4),)),
    "two inputs": (
        lambda: nn.Bilinear(4, 3, 2), lambda n: (torch.randn(n, 4), torch.randn(n, 3))
    ),
    "along axes": (lambda: Computing(_axes), lambda n: (torch.randn(n, 4),)),
}  # fmt: skip
SECOND = {"encoder, samples second", "GRU"}  # where the samples are not on axis 0


def outputs_of(net: Any, params: Any, inputs: tuple[Any, ...]) -> list[np.ndarray]:
    """What is returned, flat, by a compiled function."""
    given = [np.asarray(each) for each in inputs]
    applied = jax.jit(lambda p, xs: torch.utils._pytree.tree_leaves(net.apply(p, *xs)))
    return [np.asarray(each) for each in applied(params, given) if each is not None]


def outputs_of_torch(module: Any, inputs: tuple[Any, ...]) -> list[np.ndarray]:
    with torch.no_grad():
        outputs = torch.utils._pytree.tree_leaves(quiet(lambda: module(*inputs)))
    return [np.asarray(each) for each in outputs if each is not None]


@pytest.mark.parametrize("name", SAME)
def test_outputs_are_those_of_torch(name: str) -> None:
    make, draw = SAME[name]
    module = make().eval()
    if name == "encoder, samples second":
        module.linear2.requires_grad_(True)
    net = torch_module(module, draw(1), batch_axis=int(name in SECOND))
    inputs = draw(5)
    found, wanted = outputs_of(net, net.params, inputs), outputs_of_torch(module, inputs)
    assert [each.shape for each in found] == [each.shape for each in wanted]
    assert [each.dtype.kind for each in found] == [each.dtype.kind for each in wanted]
    for ours, theirs in zip(found, wanted, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-5)


def test_one_sample_is_as_many_as_any() -> None:
    net = torch_module(Picture().eval(), torch.randn(16, 3, 16, 16))
    alone = torch.randn(1, 3, 16, 16)
    (found,), (wanted,) = (
        outputs_of(net, net.params, (alone,)),
        outputs_of_torch(net.module, (alone,)),
    )
    np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-5)


def test_outputs_keep_their_structure() -> None:
    net = torch_module(nn.LSTM(2, 3, batch_first=True), torch.zeros(1, 4, 2))
    out, (h, c) = net.apply(net.params, np.zeros((5, 4, 2)))
    assert [each.shape for each in (out, h, c)] == [(5, 4, 3), (1, 5, 3), (1, 5, 3)]
    net = torch_module(Computing(_axes).eval(), torch.zeros(1, 4))
    returned = net.apply(net.params, np.ones((3, 4)))
    assert returned["none"] is None
    assert returned["largest"][0].shape == (3, 2)


def test_inputs_may_be_tuples_and_one_may_have_no_samples() -> None:
    class Two(nn.LSTM):
        def forward(self, x, start, scale):
            return super().forward(x, start)[0] * scale

    start = (torch.zeros(1, 2, 3), torch.ones(1, 2, 3))
    scale = torch.tensor([1.0, 2.0, 3.0])
    example = (torch.zeros(2, 4, 2), start, scale)
    net = torch_module(Two(2, 3, batch_first=True), example, batch_axis=(0, 1, None))
    x, more = torch.randn(7, 4, 2), (torch.randn(1, 7, 3), torch.randn(1, 7, 3))
    with torch.no_grad():
        wanted = net.module(x, more, scale)
    h, c = map(np.asarray, more)
    found = net.apply(net.params, np.asarray(x), (h, c), np.asarray(scale))
    np.testing.assert_allclose(found, wanted, atol=1e-5)
    with pytest.raises(InputError, match=r"input 2 must have the shape \(1, samples, 3\), as the"):
        net.apply(net.params, np.asarray(x), (h[0], c), np.asarray(scale))
    with pytest.raises(InputError, match="inputs must have the same number of samples"):
        net.apply(net.params, np.asarray(x), (h, c[:, :3]), np.asarray(scale))


# --- Training -------------------------------------------------------------------------------------


def test_a_module_is_trained_and_gets_its_weights_back() -> None:
    points = np.random.default_rng(0).normal(size=(60, 2)).astype(np.float32)
    y = (points[:, 0] > points[:, 1]).astype(int)
    model = nn.Sequential(nn.Linear(2, 8), nn.ReLU(), nn.Linear(8, 2))
    net = torch_module(model, torch.zeros(1, 2))
    before = {name: value.numpy().copy() for name, value in model.state_dict().items()}

    def loss(params: Any) -> jax.Array:
        logits = net.apply(params, points)
        return -jnp.mean(jax.nn.log_softmax(logits)[jnp.arange(60), y])

    found = gradless.minimize(loss, net.params, "openai_es", evaluations=2_000, verbose=False)
    assert found.best_loss < 0.8 * loss(net.params)
    for name, value in model.state_dict().items():
        np.testing.assert_array_equal(value, before[name])
    assert net.load(found.best) is model
    (own,) = outputs_of_torch(model, (torch.from_numpy(points),))
    np.testing.assert_allclose(own, net.apply(found.best, points), atol=1e-5)
    assert np.mean(own.argmax(1) == y) > 0.85


def test_a_module_is_a_model_of_a_supervised_problem() -> None:
    dataset = gradless.load_dataset("spiral")
    model = nn.Sequential(nn.Linear(2, 8), nn.Hardtanh(), nn.Linear(8, 3))
    net = torch_module(model, torch.zeros(1, 2))
    problem = gradless.SupervisedProblem.of(dataset, net, gradless.objectives.get("cross_entropy"))
    score = problem.score_all(net.init(jax.random.key(0)))
    (logits,) = outputs_of_torch(model, (torch.from_numpy(dataset.features),))
    wanted = F.cross_entropy(torch.from_numpy(logits), torch.from_numpy(dataset.targets).long())
    assert float(score.loss) == pytest.approx(float(wanted), rel=1e-4)


def test_tied_weights_are_one_array_and_stay_tied() -> None:
    net = torch_module(GPT().eval(), torch.zeros(1, 6, dtype=torch.long))
    assert "letters.weight" in net.params
    assert "head.weight" not in net.params
    changed = {name: value + 0.1 for name, value in net.params.items()}
    text = torch.randint(0, 19, (3, 6))
    (found,) = outputs_of(net, changed, (text,))
    module = net.load(changed)
    assert module.head.weight is module.letters.weight
    (wanted,) = outputs_of_torch(module, (text,))
    np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=2e-5)


def test_what_needs_no_gradient_and_buffers_stay_as_they_are() -> None:
    model = nn.Sequential(nn.Conv1d(2, 3, 3), nn.BatchNorm1d(3), nn.Flatten(), nn.Linear(6, 2))
    model[0].requires_grad_(False)
    net = torch_module(model.eval(), torch.randn(2, 2, 4))
    assert sorted(net.params) == ["1.bias", "1.weight", "3.bias", "3.weight"]
    assert sorted(net.fixed) == ["0.bias", "0.weight", "1.running_mean", "1.running_var"]
    assert repr(net) == "TorchModule(Sequential, 20 parameters)"
    before = {name: value.clone() for name, value in model.state_dict().items()}
    net.load({name: value + 1 for name, value in net.params.items()})
    for name, value in model.state_dict().items():
        wanted = before[name] + (name in net.params)
        np.testing.assert_array_equal(value, wanted)


def test_a_search_in_bfloat16_stays_narrow() -> None:
    net = torch_module(
        nn.Sequential(nn.Linear(2, 8), nn.GELU(), nn.Linear(8, 3)), torch.zeros(1, 2)
    )
    params = jax.tree.map(lambda x: x.astype(jnp.bfloat16), net.params)
    assert net.apply(params, jnp.ones((4, 2), jnp.bfloat16)).dtype == jnp.bfloat16


def test_the_module_may_change_later() -> None:
    model = nn.Linear(2, 3)
    net = torch_module(model, torch.zeros(1, 2))
    before = np.array(net.params["weight"])
    net.load({name: value + 1 for name, value in net.params.items()})
    np.testing.assert_array_equal(net.params["weight"], before)
    assert model.weight.requires_grad
