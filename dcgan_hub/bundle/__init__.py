"""The published form of a generator: draw from it, save it, load it safely. Formats: docs/bundle-format.md."""
