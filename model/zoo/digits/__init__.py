"""The bundle `digits`, and what makes it: a convolutional network over 28x28 digits."""
