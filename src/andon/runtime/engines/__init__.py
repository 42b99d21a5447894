"""One file per engine, each with the same two names: `precisions` and `Session`; `execution` lists them."""
