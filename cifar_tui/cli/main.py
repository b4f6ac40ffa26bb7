"""The command line. It imports nothing heavy itself: each command imports what it runs."""

from __future__ import annotations

import contextlib
import json
import os
import sys
import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from cifar_tui import __version__, models
from cifar_tui.cli import dashboard, runs
from cifar_tui.cli.options import (
    AsJson,
    Debug,
    Debugging,
    ParsedCommand,
    ParsedGroup,
    Quiet,
    RunData,
    RunDevice,
    RunModelDir,
    RunName,
    RunPrecision,
    RunsDir,
    RunThreads,
    Shared,
    Trust,
    a_path,
    allow_named,
    check_class,
    find_run,
    overrides,
    runs_folder,
    say,
    wants_json,
)
from cifar_tui.config import (
    DEFAULT_RUNS_DIR,
    NAMED_DATA,
    TrainingConfig,
    expanded_options,
    model_word,
    read_config_file,
)
from cifar_tui.data import data_option
from cifar_tui.errors import CifarTuiError, InputError
from cifar_tui.formatting import printable
from cifar_tui.records import NO_OVERRIDES, Overrides
from cifar_tui.system import output, user_folders
from cifar_tui.system.paths import absolute, expand_path, leave_deleted_folder

if TYPE_CHECKING:
    from cifar_tui.store.run_folder import RunFolder

DEFAULT_MODELS = ("cnn", "mlp")
DISPLAY_OPTIONS = ("no_ui", "start", "theme", "ascii_only", "graphics", "detach", "announce", "tensorboard", "trust")
"""Options of how to show the training, not of the training."""
_DEFAULTS = TrainingConfig()

app = typer.Typer(
    cls=ParsedGroup,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Train image classifiers, and watch them learn, in a terminal.",
)


def _show_version(value: bool) -> None:
    if value:
        output.line(f"cifar-tui {__version__}")
        raise typer.Exit


def _shown(value: object) -> Any:
    """A default as --help shows it; options themselves default to None, so that a file's values show through."""
    return typer.Option(show_default=str(value))


Detach = Annotated[bool, typer.Option("--detach", help="Train in a process of its own; print the run's id and return.")]
Announce = Annotated[int | None, typer.Option(hidden=True)]
"""Where a detached process tells the run's id."""
Agreed = Annotated[str | None, typer.Option(hidden=True)]
"""The digest of the class that the process which starts a detached one was allowed to run."""
Theme = Annotated[
    str | None,
    typer.Option(help="The dashboard's: dark, light, or auto, which goes by COLORFGBG.", show_default="auto"),
]
AsciiOnly = Annotated[bool, typer.Option("--ascii", help="Draw the dashboard in ASCII characters alone.")]
Graphics = Annotated[
    str | None,
    typer.Option(
        help="The dashboard's images: kitty, in pixels; blocks; or auto, pixels in kitty and Ghostty.",
        show_default="auto",
    ),
]


@app.callback(invoke_without_command=True)
def train(
    context: typer.Context,
    no_ui: Annotated[bool, typer.Option("--no-ui", help="Train without the dashboard.")] = False,
    start: Annotated[bool, typer.Option("--start", help="Have the dashboard start its runs at once.")] = False,
    model: Annotated[
        list[str] | None,
        typer.Option(
            help=f"What to train: {', '.join(models.names())}, or a class of your own, module:Class. May be repeated.",
            show_default="cnn and mlp",
        ),
    ] = None,
    model_dir: Annotated[
        str | None, typer.Option(help="Where the module of such a class is.", show_default="the current folder")
    ] = None,
    data: Annotated[
        str | None, typer.Option(help="cifar10, digits, or a folder of images.", show_default=_DEFAULTS.data)
    ] = None,
    data_dir: Annotated[str | None, typer.Option(help="Where CIFAR-10 is, or is to be put.")] = None,
    epochs: Annotated[int | None, _shown(_DEFAULTS.epochs)] = None,
    batch_size: Annotated[int | None, _shown(_DEFAULTS.batch_size)] = None,
    lr: Annotated[
        float | None,
        typer.Option(
            help="AdamW's rate; the one-cycle schedule sets its own, from max-lr/25.", show_default=str(_DEFAULTS.lr)
        ),
    ] = None,
    max_lr: Annotated[
        float | None, typer.Option(help="The peak of the schedule.", show_default=str(_DEFAULTS.max_lr))
    ] = None,
    weight_decay: Annotated[float | None, _shown(_DEFAULTS.weight_decay)] = None,
    patience: Annotated[
        int | None,
        typer.Option(
            help="Epochs without a better validation accuracy before stopping.", show_default=str(_DEFAULTS.patience)
        ),
    ] = None,
    device: Annotated[str | None, typer.Option(help="auto, cpu, cuda or cuda:N.", show_default="auto")] = None,
    precision: Annotated[str | None, typer.Option(help="auto, fp32 or bf16.", show_default="auto")] = None,
    threads: Annotated[
        int | None,
        typer.Option(help="CPU threads; 0 is as many as may be used.", show_default="as many as may be used"),
    ] = None,
    seed: Annotated[int | None, _shown(_DEFAULTS.seed)] = None,
    recipe: Annotated[
        str | None,
        typer.Option(help="protocol, or fast: fewer epochs, with defaults of its own.", show_default=_DEFAULTS.recipe),
    ] = None,
    checkpoint_seconds: Annotated[
        float | None,
        typer.Option(help="The longest time between checkpoints.", show_default=f"{_DEFAULTS.checkpoint_seconds:g}"),
    ] = None,
    runs_dir: RunsDir = None,
    name: Annotated[
        str | None,
        typer.Option(help="What the run's id ends in: letters, digits, '.', '_', '-'.", show_default="the model"),
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option(
            parser=a_path("config"), metavar="PATH", help="A TOML file of these options; the line wins over it."
        ),
    ] = None,
    theme: Theme = None,
    ascii_only: AsciiOnly = False,
    graphics: Graphics = None,
    tensorboard: Annotated[
        bool, typer.Option("--tensorboard", help="Write each run's curves for TensorBoard, in the run's folder.")
    ] = False,
    trust: Trust = False,
    detach: Detach = False,
    announce: Announce = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
    debug: Debug = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Train image classifiers, and watch them learn, in a terminal.

    Without a command it trains. All options have the reference protocol's values where they are not given.
    """
    options = (*_DEFAULTS.to_dict(), "runs_dir", "config", *DISPLAY_OPTIONS)
    # Not given is None, False for a flag, and empty for an option that may be repeated.
    values = {key: context.params[key] for key in options} | {"model": model or None}
    given = {key: value for key, value in values.items() if value is not None and value is not False}
    if context.invoked_subcommand is not None:
        for option in ("runs_dir", "trust"):
            given.pop(option, None)
        context.obj = Shared(runs_dir, as_json, quiet, trust)
        if given:
            option = next(iter(given)).replace("ascii_only", "ascii").replace("_", "-")
            raise InputError(f"--{option} is an option of training; {context.invoked_subcommand} does not take it")
        return
    given = {key: value for key, value in given.items() if key not in ("config", *DISPLAY_OPTIONS)}
    from_file = expanded_options(read_config_file(config), config.parent) if config else {}
    merged = from_file | expanded_options(given)
    runs = Path(merged.pop("runs_dir", None) or expand_path("runs-dir", DEFAULT_RUNS_DIR))
    configs = training_configs(merged, runs)
    # What the command line names is the user's; what a file names may be anybody's.
    named = trust or ("model" in given and ("model_dir" in given or "model_dir" not in from_file))
    for each in configs:
        allow_named(each, runs, config, named=named, as_json=as_json)
    if tensorboard:
        from cifar_tui.runs.tensorboard import require

        require()
    if detach:
        _print_ids(configs, runs, as_json=as_json, tensorboard=tensorboard)
        return
    theme, graphics = dashboard.theme_named(theme), dashboard.graphics_named(graphics)
    if no_ui or as_json or quiet:
        why_not = ""
    elif not (why_not := dashboard.why_not()):
        raise typer.Exit(
            dashboard.show(
                runs,
                configs,
                start=start,
                theme=theme,
                ascii_only=ascii_only,
                graphics=graphics,
                tensorboard=tensorboard,
            )
        )
    if why_not:
        say(f"training headless, as with --no-ui: {why_not}")
    from cifar_tui.headless import driver

    raise typer.Exit(
        driver.train(
            runs,
            configs,
            as_json=as_json,
            quiet=quiet,
            debug=Debugging.on,
            tensorboard=tensorboard,
            announce=announce,
        )
    )


def _print_ids(
    jobs: Sequence[TrainingConfig | RunFolder],
    runs: Path,
    *,
    as_json: bool,
    tensorboard: bool = False,
    agreed: str | None = None,
    given: Overrides = NO_OVERRIDES,
) -> None:
    """Train in the background, and say under which ids."""
    from cifar_tui.runs import detached

    def show(line: str) -> None:
        print(printable(line), file=sys.stderr, flush=True)

    ids = detached.start(jobs, runs, show, tensorboard=tensorboard, agreed=agreed, given=given)
    output.line(json.dumps([{"id": run_id} for run_id in ids]) if as_json else "\n".join(map(printable, ids)))


def training_configs(options: dict[str, Any], runs: Path) -> list[TrainingConfig]:
    """The configuration of each run that these options ask for, one a model.

    Raises:
        InputError: An option is out of range, or there is no such model or data, or a class lies in the folder `runs`.
    """
    chosen = options.pop("model", DEFAULT_MODELS)
    chosen = [chosen] if isinstance(chosen, str) else list(chosen)
    if not chosen:
        raise InputError(f"model takes at least one of {', '.join(models.names())}")
    common = TrainingConfig.from_dict(options)
    if common.model_dir is not None and any(map(models.user_class.is_user_class, chosen)):
        _check_model_dir(common.model_dir)
    folders = {model: models.user_class.resolved(model, common.model_dir) for model in chosen}
    for model, folder in folders.items():
        models.check(model, folder, (runs,))
    data_option.check(common.data)
    # A run may be resumed from another folder than this one. A path that cannot be is left to its reader to refuse.
    with contextlib.suppress(OSError):
        if common.data not in NAMED_DATA and Path(common.data).exists():
            common = replace(common, data=str(absolute(common.data)))
    if common.data_dir is not None:
        common = replace(common, data_dir=str(absolute(common.data_dir)))
    # Each by itself: what is not given is the recipe's, and a recipe may have another for each model.
    found = {"data": common.data, "data_dir": common.data_dir}
    configs = [
        TrainingConfig.from_dict(options | found | {"model": model, "model_dir": folders[model]}) for model in chosen
    ]
    if common.name is None or len(chosen) == 1:
        return configs
    return [replace(config, name=f"{common.name}-{model_word(config.model)}") for config in configs]


def _check_model_dir(folder: str) -> None:
    with contextlib.suppress(OSError):
        if not Path(folder).exists():
            raise InputError(f"--model-dir: there is no folder {folder!r}")


@app.command(cls=ParsedCommand)
def resume(
    context: typer.Context,
    run: RunName,
    runs_dir: RunsDir = None,
    no_ui: Annotated[bool, typer.Option("--no-ui", help="Train without the dashboard.")] = False,
    data: RunData = None,
    model_dir: RunModelDir = None,
    device: RunDevice = None,
    precision: RunPrecision = None,
    threads: RunThreads = None,
    theme: Theme = None,
    ascii_only: AsciiOnly = False,
    graphics: Graphics = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
    trust: Trust = False,
    agreed: Agreed = None,
    detach: Detach = False,
    announce: Announce = None,
    debug: Debug = False,
) -> None:
    """Resume a run from its last checkpoint, or, where it is paused in another process, there."""
    from cifar_tui.headless import driver
    from cifar_tui.store import catalog

    folder = find_run(context, run, runs_dir)
    given = overrides(data=data, model_dir=model_dir, device=device, precision=precision, threads=threads)
    if catalog.is_paused(folder):
        if given != NO_OVERRIDES:
            raise InputError(f"{folder.id} is paused in another process, which keeps its options; give none")
        runs.ask(context, run, runs_dir, as_json, "resume")
        return
    as_json, quiet = wants_json(context, as_json), quiet or context.obj.quiet
    digest = check_class(context, folder, trust=trust, as_json=as_json, agreed=agreed, given=given)
    if detach:
        _print_ids([folder], folder.path.parent, as_json=as_json, agreed=digest, given=given)
        return
    if not (no_ui or as_json or quiet or dashboard.why_not()):
        catalog.check_resumable(folder)
        raise typer.Exit(_show_run(folder, theme, graphics, ascii_only=ascii_only, resume=given))
    raise typer.Exit(
        driver.train(
            folder.path.parent,
            [folder],
            as_json=as_json,
            quiet=quiet,
            debug=Debugging.on,
            announce=announce,
            given=given,
        )
    )


@app.command(cls=ParsedCommand)
def attach(
    context: typer.Context,
    run: RunName,
    runs_dir: RunsDir = None,
    no_ui: Annotated[bool, typer.Option("--no-ui", help="Watch without the dashboard.")] = False,
    theme: Theme = None,
    ascii_only: AsciiOnly = False,
    graphics: Graphics = None,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Watch a run, wherever it is trained; leaving it or losing the connection does nothing to it."""
    folder, as_json = find_run(context, run, runs_dir), wants_json(context, as_json)
    if no_ui or as_json or dashboard.why_not():
        from cifar_tui.headless import attached

        attached.watch(folder, as_json=as_json)
        return
    raise typer.Exit(_show_run(folder, theme, graphics, ascii_only=ascii_only))


def _show_run(
    folder: RunFolder, theme: str | None, graphics: str | None, *, ascii_only: bool, resume: Overrides | None = None
) -> int:
    """Show the dashboard with this run selected, and resumed with what is given for it, if that is wanted."""
    return dashboard.show(
        folder.path.parent,
        [],
        start=False,
        theme=dashboard.theme_named(theme),
        ascii_only=ascii_only,
        graphics=dashboard.graphics_named(graphics),
        select=folder.id,
        resume=resume,
    )


for _command in runs.COMMANDS:
    app.command(cls=ParsedCommand)(_command)


@app.command(cls=ParsedCommand)
def doctor(
    context: typer.Context,
    runs_dir: RunsDir = None,
    data_dir: Annotated[str | None, typer.Option(help="Where CIFAR-10 may be.")] = None,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Say what this machine has for training, and what to mend."""
    from cifar_tui.cli import doctor as examination

    data_dir = None if data_dir is None else expand_path("data-dir", data_dir)
    raise typer.Exit(examination.report(runs_folder(context, runs_dir), data_dir, as_json=wants_json(context, as_json)))


def main() -> NoReturn:
    """Run the command line and leave the process with its exit status."""
    user_folders.prepare_libraries()
    output.reserve()
    leave_deleted_folder()
    try:
        status = app(standalone_mode=False)
    except typer.TyperException as error:
        context = getattr(error, "ctx", None)
        command = f"cifar-tui {context.info_name}" if context and context.parent else "cifar-tui"
        status = _fail(f"{error.format_message().rstrip('.')}; see `{command} --help`", 2)
    except CifarTuiError as error:
        if Debugging.on:
            raise
        status = _fail(str(error), error.exit_status)
    except (KeyboardInterrupt, typer.Abort):
        status = 130
    except BrokenPipeError:
        status = 1
    except output.OutputError as error:
        status = _fail(f"standard output cannot be written: {error.strerror}", 1)
    except Exception as error:
        if Debugging.on:
            raise
        status = _fail(f"{type(error).__name__}: {error} (--debug shows where)", 1)
    output.close()
    others = [thread for thread in threading.enumerate() if thread is not threading.main_thread()]
    if others and all(thread.daemon for thread in others):
        # It may be importing PyTorch, which nothing can interrupt, and over which the interpreter would stumble.
        user_folders.remove_temporary()
        os._exit(status if isinstance(status, int) else 0)
    sys.exit(status)


def _fail(message: str, status: int) -> int:
    say(message)
    return status
