"""Generator and discriminator from stock Keras layers, and the rule that turns seeds into latents."""
