"""Names of a bundle's files that only this package writes; those it reads stand where they are read. No Keras here."""

# The weights come last: as long as they are missing, Keras refuses the folder instead of drawing from random weights.
KERAS_FILES = ("metadata.json", "config.json", "model.weights.h5")
SAMPLES_FILE = "samples.png"
CARD_FILE = "README.md"
