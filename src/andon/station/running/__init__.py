"""What keeps the station going: named loops, time as a value, supervision by progress."""
