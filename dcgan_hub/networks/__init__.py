"""Generator and discriminator built from stock Keras layers, and the mapping from seeds to latents."""
