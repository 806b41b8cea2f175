"""What a cell may hold, turned into an array: safe decoding and the error policy."""
