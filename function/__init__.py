"""
Knows events and HTTP: turns each kind of event into one
call of the model, and the answer back.
"""
