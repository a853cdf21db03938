"""Python's cyclic garbage collection, put off while a tape is made."""

from __future__ import annotations

import gc
import threading


class without_collector:
    """Context without cyclic garbage collection: a recording makes many small objects and no garbage."""

    _lock, _users, _was_on = threading.Lock(), 0, False

    def __enter__(self) -> None:
        with self._lock:
            if without_collector._users == 0:
                without_collector._was_on = gc.isenabled()
                gc.disable()
            without_collector._users += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            without_collector._users -= 1
            if without_collector._users == 0 and without_collector._was_on:
                if gc.get_freeze_count() == 0:
                    # What is left is a tape, which stays: straight to the oldest generation with it, or the
                    # next collection would visit each of its objects.
                    gc.freeze()
                    gc.unfreeze()
                gc.enable()
