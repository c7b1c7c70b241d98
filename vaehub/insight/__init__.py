"""Know what is there: whose a file, a checkpoint's VAE or a picture is."""
