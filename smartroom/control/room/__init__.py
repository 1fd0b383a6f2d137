"""What a room is (model), how it is written (files), and its one writer (store)."""
