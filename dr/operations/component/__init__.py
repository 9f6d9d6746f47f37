"""The verbs over what is beside the database: back up, restore, drill; the same for every kind."""
