"""The DCGAN that the benchmarks compare with: a PyTorch program of its own, and what starts it."""
