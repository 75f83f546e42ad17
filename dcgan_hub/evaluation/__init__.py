"""Quality and diversity of generated images, compared with real ones. The metrics are explained in docs/measures.md."""
