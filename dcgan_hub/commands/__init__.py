"""The subcommands of `dcgan-hub`, one module each.

A module has SUMMARY (one line), EXAMPLES (commands, one a line), `add_arguments(parser)` and `run(arguments) -> int`,
which returns the exit status. Modules are imported for every `dcgan-hub --help`, so what takes time to import (Keras,
Pillow, NumPy) is imported inside `run`.
"""
