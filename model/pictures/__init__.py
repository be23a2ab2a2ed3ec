"""From a picture's untrusted bytes to upright pixels, safely."""
