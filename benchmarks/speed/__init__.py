"""How fast is it? Networks a second, what a generation costs beside them, start-up and memory."""
