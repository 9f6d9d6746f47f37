"""What each probing process asks: one module per lane, each with ``answer(system, question)``."""
