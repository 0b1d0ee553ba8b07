"""`make clients`: which other programs read what is written, and with which numbers."""
