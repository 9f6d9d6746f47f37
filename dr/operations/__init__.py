"""What a person asks for, one verb per file. Values go in and come out; handles stay inside."""
