"""OpenPGP by GnuPG: keys, recipients, and the processes that encrypt and decrypt streams."""
