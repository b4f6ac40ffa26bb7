"""`python -m cifar_tui`, and this file by its path: what lies in the current folder is not imported by chance."""

import importlib.util
import sys
from pathlib import Path

HERE = str(Path(__file__).resolve().parents[1])
if not sys.flags.safe_path and sys.path and sys.path[0] != HERE:
    # With -m it is the current folder, of a file the folder that this is in.
    del sys.path[0]
if importlib.util.find_spec("cifar_tui") is None:
    # It is not installed. Last of all: the folder may be a project's, with modules of its own.
    sys.path.append(HERE)

from cifar_tui.cli.main import main  # noqa: E402

main()
