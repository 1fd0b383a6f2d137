"""The event log of a room: what happened, kept in a hash chain, told to people, and good for the state at any past second."""
