"""Losses, the DCGAN as a Keras model, checkpoints, the run directory, and `train`, which puts them together."""
