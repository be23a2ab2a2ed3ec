"""The files of a bundle beside the model file: manifest, golden vectors, labels, reference."""
