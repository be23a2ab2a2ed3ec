"""
Knows arrays: bytes or rows in, predictions out.

No web framework, no AWS, no environment variables; nothing else of ours is imported here.
"""
