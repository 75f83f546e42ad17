"""Losses, the DCGAN as a Keras model, checkpoints, and `train`, which puts them together."""
