"""Small templates to begin one's own with: a file for each task, named after it."""
