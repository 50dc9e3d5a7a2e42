"""Compare two videos of one scene, frame by frame, on a page that a browser opens without a network."""
