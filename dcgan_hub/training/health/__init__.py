"""The doctor: detectors of training failures, their statistics, and rollbacks to a healthy checkpoint."""
