"""What benchmarks/quality.py compares: the sets of images, and what is trained on them."""
