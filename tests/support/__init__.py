"""Helpers that tests share: models, artifacts, checkpoints, mutations.

Tests import from here, never from one another.
"""
