"""The start of a run from a published generator."""
