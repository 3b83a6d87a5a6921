"""The command ``gradless``, and ``python -m gradless``: here it begins.

An interrupt has its exit code from the first lines on, so nothing that takes time is imported
before them.
"""

import os

try:  # what is built in: the rest of the module takes 10 ms to import
    import _signal as signal  # type: ignore[import-not-found]
except ImportError:
    import signal


def _end(number: int, frame: object) -> None:
    os.write(2, b"gradless: interrupted\n")
    os._exit(128 + number)


def main() -> None:
    """Run the command line and end the process with its exit code."""
    for number in (signal.SIGINT, signal.SIGTERM):
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, _end)

    from gradless._core import interrupts  # noqa: PLC0415 - from here on, an interrupt may come

    interrupts.install()

    from gradless.cli import main as run  # noqa: PLC0415

    try:
        code = run()
    except SystemExit as leaving:  # --help
        code = leaving.code if isinstance(leaving.code, int) else int(leaving.code is not None)
    interrupts.leave(code)


if __name__ == "__main__":
    main()
