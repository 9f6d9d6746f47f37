"""One command per file. Nothing heavy is imported here: who only asks for help must not wait for a database driver."""
