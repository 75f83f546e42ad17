"""Pixels: sources, decoding, prepared data sets, sheets of images, animations. Imports no Keras."""
