"""Redis: its own RDB file, taken as a replica takes it, so that any ``redis-server`` opens it without this program.

Why the replication stream: it shows one moment of all databases, costs the source one fork and needs no access to its
disk. Why not ``redis-cli --rdb -``: some builds have no TLS, it waits for ever on a host that went away, it leaves a
diskless stream's end mark in the file, and it does not tell which offset the snapshot has. redis-py connects and logs
in; ``replication`` then speaks the three commands of a replica on that connection.
"""

from dr.components.redis.component import Component, scanner

__all__ = ["Component", "scanner"]
