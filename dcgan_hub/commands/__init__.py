"""The subcommands of `dcgan-hub`, one module each.

A module has SUMMARY (one line), EXAMPLES (one command per line), `add_arguments(parser)` and `run(arguments) -> int`,
which returns the exit status. Modules are imported for every `dcgan-hub --help`, so packages that are slow to import
(Keras, Pillow, NumPy) are imported inside `run`.
"""
