"""The Hugging Face Hub: names, size-limited downloads, uploads in one commit. Knows nothing about generators."""
