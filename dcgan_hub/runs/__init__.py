"""The files of a run: their names, checkpoints, and how to read them as untrusted input."""
