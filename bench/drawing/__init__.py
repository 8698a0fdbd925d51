"""Drawings of computed numbers: frames in, figures out; nothing here touches a file or global state."""
