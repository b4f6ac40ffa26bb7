"""The program without a command: it trains, in the dashboard, headless or in the background."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cifar_tui import __version__, models
from cifar_tui.cli import class_consent, dashboard, multiprocess
from cifar_tui.cli.click_options import SETTINGS, Group, declared_options
from cifar_tui.cli.invocation import Invocation, check_shared
from cifar_tui.cli.launch_options import KNOWN
from cifar_tui.cli.stderr import print_message
from cifar_tui.config import DEFAULT_HEALTH, DEFAULT_MODELS, NAMED_DATA, HealthOptions, TrainingConfig, model_word
from cifar_tui.data import data_option
from cifar_tui.errors import InputError
from cifar_tui.formatting import printable
from cifar_tui.records import NO_OVERRIDES, Overrides
from cifar_tui.system import output
from cifar_tui.system.paths import absolute
from cifar_tui.training.distributed import environment

if TYPE_CHECKING:
    from cifar_tui.store.run_folder import RunFolder

announce_option = click.option("--announce", type=int, hidden=True)
"""The file to which a detached process writes the run's id."""


def _print_version(context: click.Context, _: click.Parameter, value: bool) -> None:
    if value and not context.resilient_parsing:
        output.line(f"cifar-tui {__version__}")
        context.exit()


@click.group("cifar-tui", cls=Group, invoke_without_command=True, context_settings=SETTINGS)
@declared_options(*KNOWN, negatable=True)
@announce_option
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_print_version,
    help="Show the version and exit.",
)
@click.pass_context
def app(context: click.Context, /, announce: int | None, **_: object) -> int | None:
    """Train image classifiers and watch them learn, in a terminal.

    Without a command, it trains; on a terminal, in the dashboard. The defaults follow the reference protocol.
    """
    if context.invoked_subcommand is not None:
        check_shared(context)
        return None
    return train(Invocation.of(context), announce)


def train(call: Invocation, announce: int | None) -> int:
    """Train the models that the options ask for.

    Args:
        call: The options.
        announce: The file to write the run's id to.

    Returns:
        The exit status.
    """
    options, worker = call.options, environment.current()
    if worker is not None and worker.rank > 0:
        from cifar_tui.headless import launched

        return launched.work(worker, debug=options.debug)
    multiprocess.check_launcher(worker, options, call.training.get("devices"), call.training.get("device"))
    runs_dir = call.runs_dir
    configs = training_configs(call.training, runs_dir)
    for config in configs:
        class_consent.check_named_class(call, config, runs_dir, agreed=multiprocess.is_launched(worker))
    if options.tensorboard:
        from cifar_tui.runs.sinks.tensorboard import require

        require()
    notifier = call.notifier()
    if options.detach:
        start_detached(configs, runs_dir, as_json=options.json, tensorboard=options.tensorboard, health=call.health)
        return 0
    dashboard.check_graphics(options.graphics)
    if not (options.no_ui or options.json or options.quiet or worker):
        reason = dashboard.why_unavailable()
        if not reason:
            return dashboard.show(runs_dir, configs, options, notifier, call.health)
        print_message(f"training headless, as with --no-ui: {reason}")
    if worker is None and (status := multiprocess.train(sys.argv[1:], configs[0], runs_dir, announce)) is not None:
        return status
    from cifar_tui.headless import driver

    return driver.train(
        runs_dir,
        configs,
        as_json=options.json,
        quiet=options.quiet,
        debug=options.debug,
        tensorboard=options.tensorboard,
        announce=multiprocess.announcement(announce, worker),
        worker=worker,
        health=call.health,
        notifier=notifier,
    )


def start_detached(
    jobs: Sequence[TrainingConfig | RunFolder],
    runs_dir: Path,
    *,
    as_json: bool,
    tensorboard: bool = False,
    agreed: str | None = None,
    given: Overrides = NO_OVERRIDES,
    health: HealthOptions = DEFAULT_HEALTH,
) -> None:
    """Train in the background, and print under which ids."""
    from cifar_tui.runs import detached

    def show(line: str) -> None:
        print(printable(line), file=sys.stderr, flush=True)

    ids = detached.start(jobs, runs_dir, show, tensorboard=tensorboard, agreed=agreed, overrides=given, health=health)
    output.line(json.dumps([{"id": run_id} for run_id in ids]) if as_json else "\n".join(map(printable, ids)))


def training_configs(options: dict[str, Any], runs_dir: Path) -> list[TrainingConfig]:
    """The configuration of each run that these options ask for, one a model.

    Raises:
        InputError: There is no such model or data, or a class lies in the folder of runs.
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
        models.check(model, folder, (runs_dir,))
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
