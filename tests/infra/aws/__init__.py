"""The cloud's description: its plan held against rules, and what stands once it is applied."""
