"""A doctor for runs: detectors, what they look at, and going back to a healthy checkpoint."""
