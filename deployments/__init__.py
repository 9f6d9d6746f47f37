"""What runs when and where: schedules as data, their registration with Prefect, and the local and systemd installs."""
