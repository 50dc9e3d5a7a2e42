"""What is used where nobody says: the same for commands and functions. Costs nothing to import."""

MODEL = "lite"
SMOOTHING = 0.5  # of video, see temporal/policy.py: a change of light is followed within a quarter of a second
BUDGET = 0.06  # seconds from capture to display: two frames at 30 fps, which nobody feels
