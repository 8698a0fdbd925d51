"""Search for a method's settings with Optuna, on dev alone: `space` (what is tried), `objective` (one trial), `study`
(storage, resuming, sharing among processes), `outcome` (the files), `display` (what a user sees)."""
