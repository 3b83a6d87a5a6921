"""Large networks: what a generation costs beside plain inference, and what is learned."""
