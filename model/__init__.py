"""Arrays: bytes or rows in, predictions out.

No web framework, no AWS, no environment variables; it imports no other package of ours.
"""
