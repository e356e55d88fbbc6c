"""Find where the tensors of a reference lie in an artifact, by content, and prove each place by
comparing values.
"""
