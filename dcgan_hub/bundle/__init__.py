"""The published form of a generator: generate, save, load safely. File formats: docs/bundle-format.md."""
