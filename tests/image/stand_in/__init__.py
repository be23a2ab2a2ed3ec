"""A stand-in for AWS's base image, for machines that cannot pull it."""
