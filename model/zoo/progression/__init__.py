"""The bundle `progression`: how far a diabetes progresses within a year, by four measurements."""
