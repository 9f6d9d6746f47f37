"""Steps of the procedures: each is a retry policy, a deadline and a name around one operation of ``dr``.

``tasks.runner`` hands out the decorators; everything else here is used through it.
"""
