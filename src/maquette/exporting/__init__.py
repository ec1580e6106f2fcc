"""Export: SavedModel and TFLite files, each of which passes a gate."""
