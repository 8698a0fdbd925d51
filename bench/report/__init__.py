"""Records to tables, Markdown, LaTeX, CSV and one HTML page."""
