"""From points of latent space to pictures, animations and files, drawn together and kept."""
