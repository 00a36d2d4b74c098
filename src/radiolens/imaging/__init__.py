"""From bytes to an Image to the array a network sees. Pure numpy; imports nothing of the layers above."""
