"""Remote signing services: the key stays with the service, the signer gives passphrase or code in person."""
