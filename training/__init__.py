"""Train, evaluate and export models: code of the repository, run from a clone, not part of the installed package."""
