"""What a picture's pixels look like: black, washed out, garbled, or nothing odd."""
