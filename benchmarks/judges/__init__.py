"""Feature networks that this package neither ships nor trains with: second opinions for benchmarks/quality.py."""
