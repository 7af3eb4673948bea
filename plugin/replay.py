"""Which tokens were seen: a JWT is good for one call, in whichever worker process it arrives.

A token is remembered as a digest of issuer and `jti`, until it has expired. By default in memory that is shared by
all processes forked after it was made, and by nobody else; where several machines serve, or processes that were not
forked from one, in Redis. Nothing is written to a disk.
"""

from __future__ import annotations

import fcntl
import hashlib
import mmap
import os
import struct
import tempfile
import threading
import weakref
from typing import Any, Protocol

import structlog

from plugin.config import BadSetting

log = structlog.stdlib.get_logger("plugin.replay")

BUCKETS, PLACES = 2**14, 16  # of the shared memory: about 260,000 tokens
_ENTRY = struct.Struct("16sd")  # digest, and when it may be forgotten
REDIS_SECONDS = 0.5  # for one question to Redis


class Unsure(Exception):
    """It could not be found out whether a token was seen before."""


class Replays(Protocol):
    def first(self, iss: str, jti: str, until: float, now: float) -> bool:
        """Whether this is the first sight of a token; `until` and `now` in seconds since 1970. Raises Unsure."""

    def own(self) -> bool:
        """Whether only this process knows what it has seen: it made the memory itself."""


def digest(iss: str, jti: str) -> bytes:
    return hashlib.sha256(f"{iss}\0{jti}".encode()).digest()


class Shared:
    """Memory of a fixed size, shared with the processes that are forked later.

    Each token has one bucket to lie in. In a full bucket the one that expires first is forgotten, and the log says so.
    The lock is the kernel's, on a file without a name: a worker that is killed does not keep it.
    """

    def __init__(self, buckets: int = BUCKETS) -> None:
        self._buckets, self._maker = buckets, os.getpid()
        self._memory = mmap.mmap(-1, buckets * PLACES * _ENTRY.size)
        self._file = tempfile.TemporaryFile()  # noqa: SIM115  # open for as long as this object lives
        weakref.finalize(self, self._file.close)
        self._threads = threading.Lock()  # the kernel's lock is one for all threads of a process

    def first(self, iss: str, jti: str, until: float, now: float) -> bool:
        name = digest(iss, jti)[:16]
        start = int.from_bytes(name[:8]) % self._buckets * PLACES * _ENTRY.size
        with self._threads:
            fcntl.lockf(self._file, fcntl.LOCK_EX)
            try:
                return self._note(name, start, until, now)
            finally:
                fcntl.lockf(self._file, fcntl.LOCK_UN)

    def own(self) -> bool:
        return os.getpid() == self._maker

    def _note(self, name: bytes, start: int, until: float, now: float) -> bool:
        bucket = self._memory[start : start + PLACES * _ENTRY.size]
        entries = list(_ENTRY.iter_unpack(bucket))
        if any(seen == name and now < end for seen, end in entries):
            return False
        place = min(range(PLACES), key=lambda i: entries[i][1])
        if now < entries[place][1]:
            log.warning("more tokens than the memory of seen ones holds: one was forgotten before its time")
        _ENTRY.pack_into(self._memory, start + place * _ENTRY.size, name, until)
        return True


class Redis:
    """A Redis server, by its URL: for several machines, or workers that are not forked from one process."""

    def __init__(self, url: str) -> None:
        try:
            import redis
        except ImportError:
            raise BadSetting("PLUGIN_REPLAY needs the Redis client: pip install '.[redis]'.") from None
        self._failed: type[Exception] = redis.RedisError
        try:
            self._client: Any = redis.Redis.from_url(
                url, socket_timeout=REDIS_SECONDS, socket_connect_timeout=REDIS_SECONDS
            )
            self._client.ping()
        except (redis.RedisError, ValueError, OSError) as error:
            raise BadSetting(f"PLUGIN_REPLAY: no Redis answers there ({type(error).__name__}).") from None

    def first(self, iss: str, jti: str, until: float, now: float) -> bool:
        key = f"inotuzumab-cds:jti:{digest(iss, jti).hex()}"
        try:
            return bool(self._client.set(key, b"", nx=True, ex=max(1, int(until - now) + 1)))
        except (self._failed, OSError) as error:
            log.error("the store of seen tokens does not answer", reason=type(error).__name__)
            raise Unsure from None

    def own(self) -> bool:
        return False


def opened(url: str) -> Replays:
    """The memory that a setting asks for: Redis by its URL, else shared. Raises BadSetting."""
    return Redis(url) if url else Shared()
