"""Long work: import, train, inspect. The command line runs a job inline; all of them can be resumed."""
