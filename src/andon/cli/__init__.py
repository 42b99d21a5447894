"""The command line: every command parses, calls one job or service, and prints. Results go to stdout."""
