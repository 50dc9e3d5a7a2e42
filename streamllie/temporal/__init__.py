"""When to keep, fade or forget what earlier frames told: cut detection and the smoothing policy."""
