"""How do a command's arguments become a dataclass, and its errors one line?"""

from __future__ import annotations

import contextlib
import io
import re
from typing import Any

import tyro

from gradless._core.errors import InputError

_CONFIG = (
    tyro.conf.OmitArgPrefixes,
    tyro.conf.FlagCreatePairsOff,
    # An option that is None by default is left out to get it.
    tyro.conf.DisallowNone,
)


def parse(options: Any, command: str, arguments: list[str]) -> Any:
    """Parse the arguments of ``gradless COMMAND`` into the dataclass ``options``.

    Raises
    ------
    InputError
        For arguments that do not fit, in one line like every other error.
    """
    told = io.StringIO()
    try:
        with contextlib.redirect_stderr(told):
            return tyro.cli(options, args=arguments, prog=f"gradless {command}", config=_CONFIG)
    except SystemExit as leaving:
        if not leaving.code:
            raise  # --help
        text = " ".join(re.sub(r"[╭╮╰╯│─]+|-{3,}|[+|]", " ", told.getvalue()).split())
        # Without the heading of the box and the help that follows the message.
        text = re.sub(
            r"^(Value error|Parsing error|Unrecognized options|Required options) ", "", text
        )
        text = re.split(r" Got errors:| Argument helptext:| For full helptext", text)[0]
        advice = f"see gradless {command} --help"
        raise InputError(f"{text.strip().rstrip('.')}; {advice}") from None
