"""Video files and streams: the only place that imports av."""
