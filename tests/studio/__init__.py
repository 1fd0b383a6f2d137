"""Pictures of the meeting page: people drawn by us before real cameras, shown by real browsers. `python -m tests.studio FOLDER [NAME…]`."""
