"""Answer what a stored tensor was called: one source of evidence a module, asked in the order in
which they are believed.
"""
