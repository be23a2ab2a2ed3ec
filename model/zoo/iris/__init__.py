"""Which of three irises is it, by four lengths of the flower."""
