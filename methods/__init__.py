"""Relation-extraction methods: plugins that know nothing of the harness (`methods` never imports `bench`)."""
