"""What is durable on the station until the hub has it: records, reviews, pictures."""
