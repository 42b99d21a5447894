"""The hub: API and pages over the workspace; the only program that people and stations talk to."""
