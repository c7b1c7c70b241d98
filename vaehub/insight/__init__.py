"""Know what there is: which VAE a file is, and what speaks for it."""
