"""
The HTTP/1.1 host of the local servers: what it reads, how a
connection lives, what it refuses.
"""
