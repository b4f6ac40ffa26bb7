"""`python -m cifar_tui`."""

from cifar_tui.cli import main

main()
