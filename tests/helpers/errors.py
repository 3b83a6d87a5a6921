"""What an error says."""

import pytest

from gradless._core.errors import InputError


def message_of(error: pytest.ExceptionInfo[InputError]) -> str:
    """The error's message, which has to fit on one line of a terminal."""
    message = str(error.value)
    assert message.splitlines() == [message]
    return message
