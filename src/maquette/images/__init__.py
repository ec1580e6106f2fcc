"""Images: decoding files, and labelled images in splits."""
