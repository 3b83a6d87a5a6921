"""A PyTorch module that cannot be searched is refused before any work, with what to do."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from gradless import InputError
from gradless.problems import torch_module
from helpers.errors import message_of
from helpers.torch_modules import Computing, quiet, torch

nn = torch.nn

X = torch.zeros(2, 4)


def decides(x):
    if x.sum() > 0:
        return x
    return -x


class Remembers(nn.Module):
    """Adds up what it has seen."""

    def __init__(self) -> None:
        super().__init__()
        self.layer, self.seen = nn.Linear(4, 4), torch.zeros(4)

    def forward(self, x):
        self.seen = self.seen + self.layer(x).mean(0)
        return self.seen * x


REFUSED: dict[str, tuple[Callable[[], Any], Any, str]] = {
    "a class": (lambda: nn.Linear, X, "module must be a torch.nn.Module, got Linear. Make one"),
    "a function": (lambda: torch.relu, X, "must be a torch.nn.Module, got builtin_function"),
    "a script": (
        lambda: quiet(lambda: torch.jit.script(nn.Linear(4, 3))), X,
        "module must be as it was written, got RecursiveScriptModule; give the one that",
    ),
    "another device": (
        lambda: nn.Sequential(nn.Linear(4, 3, device="meta")), X,
        "module must be on the CPU, got '0.weight' on meta. Type module.cpu() first",
    ),
    "no shapes yet": (lambda: nn.LazyLinear(3), X, "got 'weight' without one. Call it once first"),
    "float64": (
        lambda: nn.Linear(4, 3).double(), X.double(),
        "parameters must be float32, got float64 for 'weight'. Type module.float() first",
    ),
    "bfloat16": (lambda: nn.Linear(4, 3).bfloat16(), X.bfloat16(), "must be float32, got bfloat16"),
    "complex": (
        lambda: quiet(lambda: nn.Linear(4, 3).to(torch.cfloat)), X, "must be float32, got complex64"
    ),
    "no parameters": (nn.ReLU, X, "module must have parameters to search, got none"),
    "all fixed": (
        lambda: nn.Linear(4, 3).requires_grad_(False), X,
        "got none and 2 that are fixed. Type module.requires_grad_(True) first",
    ),
    "an array": (lambda: nn.Linear(4, 3), np.zeros((1, 4)), "example must be a tensor, or a tuple"),
    "no example": (lambda: nn.Linear(4, 3), (), "example must be a tensor, or a tuple of tensors"),
    "a number": (lambda: nn.Linear(4, 3), torch.tensor(1.0), "example must have the samples on"),
    "no samples": (lambda: nn.Linear(4, 3), X[:0], "example must have at least one sample, got"),
    "meta": (lambda: nn.Linear(4, 3), X.to("meta"), "example must be on the CPU, got meta"),
    "two numbers of samples": (
        lambda: nn.Bilinear(4, 4, 2), (X, X[:1]),
        "inputs of the example must have the same number of samples, got 1 and 2",
    ),
    "another width": (
        lambda: nn.Linear(5, 3), X,
        "module must take the example, and says: mat1 and mat2 shapes cannot",
    ),
    "too many inputs": (
        lambda: nn.Linear(4, 3), (X, X), "module must take the example, and says: Linear.forward()"
    ),
    "dropout": (
        lambda: nn.Sequential(nn.Linear(4, 3), nn.Dropout(0.5)), X,
        "module must compute the same each time, got random numbers in 1 (Dropout). Type "
        "module.eval() first",
    ),
    "dropout of an LSTM": (
        lambda: nn.LSTM(4, 3, 2, dropout=0.5, batch_first=True), torch.zeros(2, 3, 4),
        "got random numbers in the forward of LSTM. Type module.eval() first",
    ),
    "dropout of attention": (
        lambda: nn.TransformerEncoderLayer(4, 2, 8, batch_first=True), torch.zeros(2, 3, 4),
        "got random numbers in self_attn (MultiheadAttention). Type module.eval() first",
    ),
    "noise": (
        lambda: Computing(lambda x: x + torch.randn_like(x)).eval(), X,
        "got random numbers in the forward of Computing; give them to it as an input",
    ),
    "statistics in training": (
        lambda: nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3)), X,
        "module must not change its state as it computes, got 1.num_batches_tracked, "
        "1.running_mean, 1.running_var, which its forward changes. Type module.eval() first",
    ),
    "memory": (
        lambda: Remembers().eval(), X,
        "got seen, which its forward changes; take it as an input and return it as an output",
    ),
    "a decision": (
        lambda: Computing(decides), X, "module must not decide by the values of tensors, and does"
    ),
    "a value": (
        lambda: Computing(lambda x: x * x.sum().item()), X,
        "got aten._local_scalar_dense.default in the forward of Computing, which takes a value out",
    ),
    "a choice": (
        lambda: Computing(lambda x: x[x[:, 0] > 0]), X,
        "aten.index.Tensor, in the forward of Computing, cannot be computed: an index must be of",
    ),
    "NumPy": (
        lambda: Computing(lambda x: torch.from_numpy(x.detach().numpy())), X,
        "module must be made of PyTorch's operations on tensors, and torch.export says: Runtime",
    ),
    "two samples": (
        lambda: Computing(lambda x: x.view(2, 2, 2)), X,
        "module must take any number of samples, got one that computes for some numbers only",
    ),
    "a mean by hand": (
        lambda: Computing(lambda x: x.sum(0) / len(x)), X, "or len(x), or name the axis of the"
    ),
    "an operation": (
        lambda: nn.Sequential(nn.Linear(4, 4), Computing(lambda x: torch.fft.rfft(x).abs())), X,
        "module must be made of operations that gradless knows, got aten._fft_r2c.default in 1 "
        "(Computing). docs/torch.md",
    ),
    "control flow": (
        lambda: Computing(
            lambda x: torch.cond(x.sum() > 0, lambda x: x + 1, lambda x: x - 1, (x,))
        ),
        X, "got cond in the forward of Computing, which decides by a value; write torch.where(",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_searched_is_refused(case: str, capfd: pytest.CaptureFixture[str]) -> None:
    make, example, said = REFUSED[case]
    module = make()
    kept = {}
    if isinstance(module, nn.Module) and case not in ("no shapes yet", "another device"):
        kept = {name: value.clone() for name, value in module.state_dict().items()}
    with pytest.raises(InputError) as error:
        torch_module(module, example)
    assert said in message_of(error)
    for name, value in kept.items():
        assert torch.equal(value, module.state_dict()[name])
    assert capfd.readouterr() == ("", "")  # PyTorch has much to say


def test_axes_of_samples_are_checked() -> None:
    layer = nn.Linear(4, 3)
    for axis, said in (
        (5, "example must have the samples on axis 5, got the shape (2, 4); name their axis"),
        ((0, 0), "one for each input of the example, 1, got (0, 0)"),
        ((None,), "batch_axis must name the axis of the samples of one input, got only None"),
    ):
        with pytest.raises(InputError) as error:
            torch_module(layer, X, batch_axis=axis)
        assert said in message_of(error)


def test_what_is_applied_and_loaded_is_checked() -> None:
    net = torch_module(nn.Linear(4, 3), X)
    ones = np.ones((5, 4), np.float32)
    for call, said in (
        (lambda: net.apply(net.params, ones[:, :3]), "the input must have the shape (samples, 4)"),
        (lambda: net.apply(net.params), "as many inputs as the example has, 1, got 0"),
        (lambda: net.apply([1], ones), "params must be a dict like net.params, got list"),
        (lambda: net.apply({**net.params, "wieght": 1}, ones), "did you mean 'weight'?"),
        (lambda: net.load({"weight": net.params["weight"]}), "got none for 'bias'"),
        (
            lambda: net.load({**net.params, "bias": np.zeros(4)}),
            "params['bias'] must have the shape (3,), got (4,)",
        ),
    ):
        with pytest.raises(InputError) as error:
            call()
        assert said in message_of(error)
    letters = torch_module(nn.Embedding(4, 3), torch.zeros(1, 2, dtype=torch.long))
    with pytest.raises(InputError, match="the input must be int32, as the example is, got float32"):
        letters.apply(letters.params, np.ones((5, 2)))


def test_without_torch_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(InputError) as error:
        torch_module(None, None)
    assert message_of(error).endswith('pip install ".[torch]"')


def test_torch_is_imported_by_nobody_else() -> None:
    code = "import gradless, sys; gradless.problems.torch_module; gradless.minimize; "
    code += "print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
