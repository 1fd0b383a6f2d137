"""The process that holds keys: PDF in, sealed PDF out; signs journal heads. Listens on no port, asks only configured services."""
