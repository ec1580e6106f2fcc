"""The files of the page that `maquette export --demo web` writes."""
