"""What stands behind a score: what neighbours share with their query, what they do to the answer, which errors are
made."""
