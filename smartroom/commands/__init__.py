"""What the command line does, one module per command; `smartroom.cli` only names options and calls them."""
