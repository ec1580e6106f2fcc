"""Code that calls an exported model, in the languages of phones, servers and browsers."""
