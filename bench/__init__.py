"""The harness: configurations in, records, tables and plots out."""
