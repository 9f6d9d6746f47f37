"""The application and its services: how they are, stopping and starting them in order, whether people can use it."""
