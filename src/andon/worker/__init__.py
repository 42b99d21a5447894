"""The worker: takes jobs from the hub's table and does each in a process of its own."""
