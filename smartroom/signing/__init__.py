"""Documents and signatures. Two kinds of process: one holds keys and reads no stranger's file, the other reads and holds no key."""
