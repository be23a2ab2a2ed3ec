"""The bundle `iris`: which of three irises a flower is, by four lengths of it."""
