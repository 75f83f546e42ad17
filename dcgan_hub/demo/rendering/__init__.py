"""Renders points of latent space to images, animations and files, in batches and with a cache."""
