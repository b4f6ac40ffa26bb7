"""docs/options.md, made from the declarations of the options: `python -m tests.support.options_page` writes it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import click

from cifar_tui.cli.launch_options import KNOWN, SHARED
from cifar_tui.cli.main import app
from cifar_tui.cli.parser import DeclaredOption, negative
from cifar_tui.config import OPTIONS
from cifar_tui.options import flag
from cifar_tui.recipes import RECIPES, recipe

PATH = Path(__file__).parents[2] / "docs" / "options.md"
PAGE = """# Options

<!-- Made from the declarations of the options by `python -m tests.support.options_page`: change those, not this. -->

`cifar-tui --help` and `cifar-tui COMMAND --help` show the same on the terminal. The form for a new run (`n` in the
dashboard) has the options of training. Defaults are the reference protocol's.

## Options of a training

Of `cifar-tui` without a command, in the dashboard and with `--no-ui` alike.

{training}

A path may hold `~`, `$VAR` and `${{VAR}}`. Relative paths are relative to the current folder, those in a configuration
file to that file.

### The fast recipe

`--recipe fast` has other defaults for some options, and others again for `mlp`:

{recipes}

## Configuration files

`--config FILE.toml` reads options from a file, under the names above without their dashes; `batch-size` may be written
`batch_size`. Flags are `true` or `false`, `model` is a name or a list of names:

```toml
model = ["cnn", "mlp"]
data = "cifar10"
epochs = 20
batch-size = 128
no-ui = true
tensorboard = true
```

The command line wins over the file. A flag that the file sets is cleared by its negative form: {negatives}.

A file may come from anybody, so some things stand on the command line only: {not_in_file}. A class of your own that
only a file names has to be trusted first; see [SECURITY.md](../SECURITY.md).

## Options of the commands

{shared} may stand before the name of a command too, as in `cifar-tui --runs-dir old runs`.

{commands}

## Shell completion

`cifar-tui completion bash`, `zsh` or `fish` prints a script that completes commands, options, their values, models and
the ids of runs.

| shell | to install it |
|---|---|
| bash 4.4 or newer | `eval "$(cifar-tui completion bash)"` in `~/.bashrc` |
| zsh | `eval "$(cifar-tui completion zsh)"` in `~/.zshrc`, below `compinit` |
| fish | `cifar-tui completion fish > ~/.config/fish/completions/cifar-tui.fish` |
"""


def page() -> str:
    """The text of the page."""
    fixed = [name for name, option in KNOWN.items() if not option.in_file]
    flags = [name for name, option in KNOWN.items() if option.kind is bool and option.in_file]
    return PAGE.format(
        training="\n\n".join(_groups()),
        recipes=_recipes(),
        negatives=", ".join(f"`{negative(name)}`" for name in flags),
        not_in_file=" and ".join(f"`{flag(name)}`" for name in fixed),
        shared=", ".join(f"`{flag(name)}`" for name in SHARED),
        commands="\n\n".join(map(_command, app.commands.values())),
    )


def _groups() -> Iterable[str]:
    options = [each for each in app.params if isinstance(each, DeclaredOption)]
    for group in dict.fromkeys(each.group for each in options):
        rows = [
            (_name(each), "" if each.is_flag else KNOWN[each.field].takes, _default(each), each.help or "")
            for each in options
            if each.group == group
        ]
        yield f"### {group}\n\n{_table(('option', 'takes', 'default', 'meaning'), rows)}"


def _command(command: click.Command) -> str:
    arguments = [
        each.make_metavar(click.Context(command)) for each in command.params if isinstance(each, click.Argument)
    ]
    options = [each for each in command.params if isinstance(each, click.Option) and not each.hidden]
    rows = [(_name(each), _default(each), each.help or "") for each in options if each.name not in SHARED]
    shared = ", ".join(f"`{flag(str(each.name))}`" for each in options if each.name in SHARED)
    parts = [
        f"### cifar-tui {' '.join([str(command.name), *arguments])}",
        click.unstyle(command.get_short_help_str(200)),
        *([_table(("option", "default", "meaning"), rows)] if rows else []),
        *([f"And {shared}."] if shared else []),
    ]
    return "\n\n".join(parts)


def _recipes() -> str:
    cnn, mlp = (recipe(RECIPES[-1], model).options for model in ("cnn", "mlp"))
    names = [name for name in OPTIONS if name in cnn or name in mlp]
    rows = [
        (f"`{flag(name)}`", *(f"{of.get(name, OPTIONS[name].default):g}" for of in ({}, cnn, mlp))) for name in names
    ]
    return _table(("option", "protocol", "fast", "fast, mlp"), rows)


def _name(option: click.Option) -> str:
    metavar = "" if option.is_flag else f" {option.make_metavar(click.Context(app))}"
    return f"`{option.opts[0]}{metavar}`"


def _default(option: click.Option) -> str:
    if isinstance(option.show_default, str):
        return option.show_default
    if not option.show_default or option.default is None:
        return ""
    values = option.default if isinstance(option.default, tuple) else (option.default,)
    return ", ".join(f"`{value:g}`" if isinstance(value, float) else f"`{value}`" for value in values)


def _table(heading: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [heading, ["---"] * len(heading), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines)


if __name__ == "__main__":
    PATH.write_text(page())
