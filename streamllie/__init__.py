"""Make dark video bright, clean and steady, in real time."""
