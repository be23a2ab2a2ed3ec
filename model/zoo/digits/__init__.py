"""The bundle `digits` and the code that makes it: a convolutional network over 28x28 digits."""
