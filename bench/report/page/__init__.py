"""One self-contained HTML page per run: tables, plots, confusions, and an inspector of its predictions."""
