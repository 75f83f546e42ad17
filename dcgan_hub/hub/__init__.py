"""The Hugging Face Hub: names, downloads with limits, uploads in one commit. Knows nothing of generators."""
