"""Speaking to web services: JSON over HTTPS with a token, time limits and bounded patience."""
