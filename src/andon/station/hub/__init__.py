"""The station's dealings with the hub: reports, deliveries, and what it is told to run."""
