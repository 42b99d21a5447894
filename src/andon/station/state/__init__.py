"""What is known of the line at this moment, and the word for the condition it is in."""
