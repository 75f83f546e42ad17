"""What the benchmarks have in common: how they show their figures, and how they end."""
