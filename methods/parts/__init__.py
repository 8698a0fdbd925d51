"""Parts shared by all methods, so that compared methods differ only in the part under study."""
