"""From a source to prepared images on disk: decoding, checking, fitting, and a survey that prepares nothing."""
