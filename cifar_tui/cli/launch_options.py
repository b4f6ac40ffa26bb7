"""The options of how runs are started, stored and shown; those of the training itself are `config.TrainingConfig`'s."""

from __future__ import annotations

from dataclasses import dataclass

from cifar_tui.config import DEFAULT_RUNS_DIR, HEALTH_OPTIONS, OPTIONS, RUN
from cifar_tui.declarations import Option, declare, declare_repeated, declared

DISPLAY = "Display options"
THEMES = (
    *("dark", "light", "high-contrast", "colour-blind-dark", "colour-blind-light"),
    *("terminal-dark", "terminal-light"),
)
"""The dashboard's own, by their names in `tui/colours/themes.py`."""
NOTIFICATIONS = "Notification options"


@dataclass(frozen=True, slots=True, kw_only=True)
class LaunchOptions:
    """What a command was given of these, the others at their defaults."""

    runs_dir: str = declare(Option(DEFAULT_RUNS_DIR, "Folder of all runs.", group=RUN, path=True))
    config: str | None = declare(
        Option(
            None,
            "TOML file of options, without the dashes: epochs = 20. The command line overrides it: --no-start "
            "undoes start = true.",
            group=RUN,
            path=True,
            in_file=False,
        )
    )
    detach: bool = declare(Option(False, "Train in a process of its own; print the run's id and return.", group=RUN))
    tensorboard: bool = declare(
        Option(False, "Also write each run's metrics for TensorBoard, in the run's folder.", group=RUN)
    )
    trust: bool = declare(
        Option(
            False,
            "Run a model class that is not yours without asking, and remember that; see SECURITY.md.",
            group=RUN,
            in_file=False,
        )
    )
    notify: tuple[str, ...] = declare_repeated(
        Option(
            None,
            "Notify this URL, by Apprise, when a run ends or its health check finds something: ntfy://…, mailto://….",
            group=NOTIFICATIONS,
            repeated=(),
            syntax="a URL",
            metavar="URL",
            in_file=False,
        )
    )
    notify_command: str | None = declare(
        Option(
            None,
            "Run this command at the same events, with the title and the text as its last two arguments.",
            group=NOTIFICATIONS,
            syntax="a command line",
            metavar="COMMAND",
            in_file=False,
        )
    )
    bell: str = declare(
        Option(
            "auto",
            "Ring the terminal's bell and show a desktop notification at the same events, from the dashboard; auto: "
            "while it is not in focus.",
            group=NOTIFICATIONS,
            choices=("auto", "always", "never"),
        )
    )
    no_ui: bool = declare(Option(False, "Print progress instead of showing the dashboard.", group=DISPLAY))
    start: bool = declare(Option(False, "Start the dashboard's runs at once.", group=DISPLAY))
    theme: str = declare(
        Option(
            "auto",
            "Colours of the dashboard; auto takes those chosen last, or else goes by COLORFGBG.",
            group=DISPLAY,
            choices=("auto", *THEMES),
        )
    )
    ascii: bool = declare(Option(False, "Draw with ASCII characters only.", group=DISPLAY))
    graphics: str = declare(
        Option(
            "auto",
            "Images in the dashboard: kitty draws pixels, blocks characters; auto is kitty in kitty and Ghostty.",
            group=DISPLAY,
            choices=("auto", "kitty", "blocks"),
        )
    )
    json: bool = declare(Option(False, "Print JSON, for other programs.", group=DISPLAY))
    quiet: bool = declare(Option(False, "Print only the result.", group=DISPLAY))
    debug: bool = declare(Option(False, "Show the traceback of an error.", group=DISPLAY))


LAUNCH = declared(LaunchOptions)
"""The declarations by field name."""
KNOWN = OPTIONS | HEALTH_OPTIONS | LAUNCH
"""Those of all kinds."""
SHARED = ("runs_dir", "json", "quiet", "trust", "debug")
"""The options of commands that may stand before the command's name too."""
