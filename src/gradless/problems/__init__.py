"""What makes losses of parameters: data with a model, a JAX function, Python code, PyTorch."""

TYPE_CHECKING = False  # as type checkers know it
if TYPE_CHECKING:
    from gradless.problems.pytorch.module import TorchModule, torch_module

__all__ = ["TorchModule", "torch_module"]


if not TYPE_CHECKING:  # for a type checker, there are no other names

    def __getattr__(name: str) -> object:
        """Load what is about PyTorch when it is first used."""
        import importlib  # noqa: PLC0415 - what imports this room mostly needs another part of it

        if name not in __all__:
            raise AttributeError(f"module 'gradless.problems' has no attribute {name!r}")
        value: object = getattr(importlib.import_module("gradless.problems.pytorch.module"), name)
        globals()[name] = value
        return value
