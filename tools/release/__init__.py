"""What a release promises: the interpreters and versions of libraries that it runs on."""
