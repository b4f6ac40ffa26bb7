"""What the dashboard needs of Textual's private parts, tried with `textual>=8.0,<9`; each with its reason."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from textual.app import App


def is_exiting(app: App[Any]) -> bool:
    """Whether `app.exit` was called. Until the app has ended, messages still come, for widgets that are removed."""
    return app._exit


def terminal_writer(app: App[Any]) -> Callable[[str], None] | None:
    """Writes to the terminal past Textual, which cannot show images; None where there is no terminal."""
    return None if app._driver is None else app._driver.write


def intercept_errors(app: App[Any], handle: Callable[[Exception], None]) -> Callable[[Exception], None]:
    """Have `handle` called with an error before it ends the app, which Textual has no hook for.

    Textual's page of tracebacks is not printed: the error is for the command line to report.

    Returns:
        What ends the app with an error, for errors that Textual does not see.
    """
    end_app = app._handle_exception

    def intercepted(error: Exception) -> None:
        handle(error)
        end_app(error)
        app._exit_renderables.clear()

    app._handle_exception = intercepted  # type: ignore[method-assign]
    return intercepted


def add_action_namespaces(app: App[Any], *names: str) -> None:
    """Have bindings find actions such as `views.zoom` in the app's attributes of these names.

    Textual's own namespaces are the app, the screen and what has the focus; others cannot be given to a binding.
    """
    app._action_targets.update(names)
