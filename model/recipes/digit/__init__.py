"""A photograph or drawing of a digit to what the network was trained on: 28 x 28, light on dark."""
