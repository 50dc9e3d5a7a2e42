"""Names of the exported graph's inputs and outputs, in order; see streaming.py for what they hold."""

INPUTS = ("y", "u", "v", "state", "keep", "strength", "levels")
OUTPUTS = ("y_out", "u_out", "v_out", "next_state")
HISTORY, NEXT_HISTORY = "history", "next_history"  # one more input and output of models with temporal denoising
