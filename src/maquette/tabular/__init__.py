"""Tables of mixed columns: what each column is, and how its values become numbers."""
