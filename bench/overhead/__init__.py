"""What retrieval costs: the hot paths against straightforward transcriptions, the methods against each other.

`kernels` and `steps` measure, `measure` holds the clock, `plain` the transcriptions, `report` what is kept.
"""
