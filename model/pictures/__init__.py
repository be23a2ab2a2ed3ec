"""Bytes of a picture from anybody to upright pixels, safely."""
