"""Helpers of the black-box tests: real processes, real sockets, no imports from src."""
