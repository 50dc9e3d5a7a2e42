"""Libraries that run models: each module opens a model as an Engine."""
