"""Keras layers of the networks, one a file, so that editing one leaves the others' networks alone."""
