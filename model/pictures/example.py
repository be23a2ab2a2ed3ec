"""A picture that documents and pages show as an example."""

from typing import Final

EXAMPLE: Final = (
    "iVBORw0KGgoAAAANSUhEUgAAAEAAAABAAgMAAADXB5lNAAAACVBMVEX/zDNmmcwzZkQkteLFAAAAmUlEQVR42s2RsRHD"
    "IAxFHzrTUzj7MAIFnjJNRmAfNxmAO1KAiVS4TdCdKN59pC/JHdgQ/gfOpwWt8DKgQjXgDc2AMvICja66b1tBVf3ZtBuM"
    "507hAIJWxJEThKGaYFM1EcBF0gRupWPrGJ4P4CxT0e0+0pwld5lPY0H5+u8TCOzfih4EH1WPjKhVAC6KszaC7BZ4iYtu"
    "bBXwAaZOFX1cZWFHAAAAAElFTkSuQmCC"
)
"""A sun over a hill, 64 x 64: a PNG in base64."""
