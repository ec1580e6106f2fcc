"""Projects made from templates: what they hold, how they are asked for and written."""
