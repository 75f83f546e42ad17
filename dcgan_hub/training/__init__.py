"""Training: losses, the DCGAN as a Keras model, checkpoints, and `train`, which combines them."""
