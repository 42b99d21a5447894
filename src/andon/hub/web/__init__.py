"""The pages: one file a noun, each with its router under ``/<noun>``; templates and scripts beside."""
