"""Pixels: sources, decoding, prepared datasets, sheets of images, animations. Imports no Keras."""
