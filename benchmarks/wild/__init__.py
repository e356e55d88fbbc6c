"""The second zoo: artifacts that the field's own tools made, of libraries and checkpoint layouts that
the rules were not written on.
"""
