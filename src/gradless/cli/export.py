"""``gradless export``: write a trained network for programs without gradless."""

from __future__ import annotations

from pathlib import Path

from gradless._core import storage
from gradless._core.errors import InputError
from gradless.cli.commands import Export
from gradless.runs import run_folder
from gradless.runs.exported.content import Exported
from gradless.runs.exported.files import flax_file, numpy_file, torch_file
from gradless.runs.exported.onnx_file import onnx_file
from gradless.runs.exported.recipes import recipe

_FORMATS = {
    "numpy": ("model.npz", numpy_file),
    "torch": ("model-torch.safetensors", torch_file),
    "onnx": ("model.onnx", onnx_file),
    "flax": ("model-flax.safetensors", flax_file),
}
"""Of each format, the name of the file and what makes it."""


def main(options: Export) -> int:
    """Write, and print how to load."""
    name, made = _FORMATS[options.to]
    path = options.run / name if options.out is None else options.out
    _check(path, options)
    exported = Exported.of(run_folder.read_network(options.run))
    try:
        storage.write_bytes(path.resolve(), made(exported))
    except OSError as error:
        raise storage.unwritable(path, error) from None
    print(f"# Written: {path}")
    print(recipe(options.to, exported, path, options.run))
    return 0


def _check(path: Path, options: Export) -> None:
    """Refuse what would be overwritten."""
    where = "--out" if options.out is not None else "the file"
    if path.is_dir():
        name = _FORMATS[options.to][0]
        raise InputError(
            f"{where} must be a file, got the folder {path}. For example: --out {path / name}"
        )
    if not path.exists():
        return
    names = {name for name, _ in _FORMATS.values()}
    if (path.parent / run_folder.CONFIG).exists() and path.name not in names:
        raise InputError(f"{where} must not be a file of a run, got {path}. Use another name")
    if not options.force:
        raise InputError(
            f"{where} must be a new file, got {path}, which exists. Use --force to overwrite it"
        )
