"""
The places the function runs: the laptop and the cloud. Never shipped in the image.

Imports neither `function` nor `model`; knows the handler only as a string.
"""
