"""One module per command, each with its ``command``; imported when it runs."""
