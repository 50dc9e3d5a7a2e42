"""Live video: cameras, files and streams in real time, never late and never dead."""
