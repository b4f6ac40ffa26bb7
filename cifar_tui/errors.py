"""The errors that a person can act on: one clear line each, with the exit status that the command line gives it."""


class CifarTuiError(Exception):
    """Something failed at run time; the message is one line that says what, and what to do (exit status 1)."""

    exit_status = 1


class InputError(CifarTuiError):
    """An option, a file or a folder that was given is unusable (exit status 2)."""

    exit_status = 2


class DivergedError(CifarTuiError):
    """The loss or a weight became infinite or NaN (exit status 3)."""

    exit_status = 3
