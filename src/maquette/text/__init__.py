"""Text: reading, vocabularies and word vectors."""
