"""Many independent tasks over local workers: one file a finished task, so that nothing finished is ever lost.

A task is done exactly when its file is there; files are written beside and renamed, by the worker itself. So a study
that is killed at any moment, with its workers, goes on with the tasks whose files are missing, and the files are the
same whoever wrote them: a task's result may depend on its payload alone.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from primum.atomic import PART
from primum.errors import PrimumError
from primum.execute.progress import Progress, Silent
from primum.execute.store import read_json, write_json

Work = Callable[[Any], Any]
"""payload → JSON-ready result; a function at the top level of a module, so that other processes can import it."""
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "POLARS_MAX_THREADS")
MOST = 256


@dataclass(frozen=True)
class Task:
    """One piece of work.

    Attributes
    ----------
    key
        Name of its file, without ending; letters, digits, `.`, `-` and `_`.
    payload
        Plain data from which `work` makes the result.
    words
        What a person who waits is told.
    """

    key: str
    payload: Any
    words: str = ""


def run_tasks(
    work: Work,
    tasks: Sequence[Task],
    folder: Path,
    *,
    workers: int = 1,
    progress: Progress | None = None,
) -> list[Any]:
    """Run what is not finished yet, and return every task's result, in the order of the tasks.

    Parameters
    ----------
    work
        Makes a result from a payload, deterministically.
    tasks
        With different keys.
    folder
        Where results lie, `KEY.json` each; made if absent.
    workers
        Processes, at least 1. With 1 the tasks run in this process. Each uses one thread, so the results do not
        depend on how many there are.
    progress
        Hears `step` after each task.

    Raises
    ------
    PrimumError
        For fewer than one worker, two tasks of one key, a result that cannot be read, or a worker that died. What a
        task itself raises goes through. Finished tasks are kept in every case.
    """
    count = check_workers(workers)
    _keys(tasks)
    listen = progress or Silent()
    _clear(folder)
    left = [t for t in tasks if not _place(folder, t).is_file()]
    done = len(tasks) - len(left)
    if left:
        listen.step(done, len(tasks), left[0].words)
    finished = _here(work, left, folder) if min(count, len(left)) <= 1 else _pool(work, left, folder, count)
    for task in finished:
        done += 1
        listen.step(done, len(tasks), task.words)
    return [_read(_place(folder, t)) for t in tasks]


def check_workers(workers: int) -> int:
    """Return the number of workers.

    Raises
    ------
    PrimumError
        If it is no whole number from 1 to 256.
    """
    if isinstance(workers, bool) or not isinstance(workers, int) or not 1 <= workers <= MOST:
        raise PrimumError(
            f"The number of workers is {workers!r}.",
            expected=f"a whole number from 1 to {MOST}",
            mend=f"this machine has {os.cpu_count()} cores; more workers than cores gain nothing",
        )
    return workers


def _here(work: Work, tasks: Sequence[Task], folder: Path) -> Iterator[Task]:
    with _one_thread():
        for task in tasks:
            _finish(work, task, folder)
            yield task


def _pool(work: Work, tasks: Sequence[Task], folder: Path, workers: int) -> Iterator[Task]:
    import multiprocessing

    with _few_threads():
        pool = ProcessPoolExecutor(
            min(workers, len(tasks)), mp_context=multiprocessing.get_context("spawn"), initializer=_begin
        )
        try:
            futures: dict[Future[None], Task] = {pool.submit(_finish, work, t, folder): t for t in tasks}
            waiting = set(futures)
            while waiting:
                ready, waiting = wait(waiting, return_when=FIRST_COMPLETED)
                for future in sorted(ready, key=lambda f: futures[f].key):
                    future.result()
                    yield futures[future]
        except BrokenProcessPool:
            raise PrimumError(
                "A worker died, perhaps because there was no memory left.",
                mend="run the same command again, with fewer workers; finished tasks are kept",
            ) from None
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _finish(work: Work, task: Task, folder: Path) -> None:
    write_json(_place(folder, task), work(task.payload))


def _begin() -> None:
    """Let a worker end when the process that started it is gone, even by kill -9."""
    from multiprocessing import parent_process
    from multiprocessing.connection import wait as listen

    parent = parent_process()
    if parent is not None:

        def follow() -> None:
            listen([parent.sentinel])
            os._exit(1)

        threading.Thread(target=follow, daemon=True).start()


@contextmanager
def _few_threads() -> Iterator[None]:
    """Give processes that are started now one thread each; this process's own environment comes back afterwards."""
    before = {name: os.environ.get(name) for name in THREADS}
    os.environ.update(dict.fromkeys(THREADS, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


@contextmanager
def _one_thread() -> Iterator[None]:
    """Compute with one thread here, so that sums are added in the same order as in a worker."""
    try:
        from threadpoolctl import threadpool_limits  # type: ignore[import-untyped,unused-ignore]
    except ImportError:
        yield
        return
    with threadpool_limits(1):
        yield


def _place(folder: Path, task: Task) -> Path:
    return folder / f"{task.key}.json"


def _read(place: Path) -> Any:
    try:
        return read_json(place)
    except PrimumError as error:
        raise PrimumError(error.what, mend=f"delete '{place}' and run the same command again") from None


def _keys(tasks: Sequence[Task]) -> None:
    seen: set[str] = set()
    for task in tasks:
        if not task.key or not all(c.isalnum() or c in ".-_" for c in task.key) or task.key.startswith("."):
            raise PrimumError(f"'{task.key}' cannot be the name of a task.", expected="letters, digits, '.', '-', '_'")
        if task.key in seen:
            raise PrimumError(f"Two tasks are named '{task.key}'.", expected="a name of its own for each")
        seen.add(task.key)


def _clear(folder: Path) -> None:
    """Remove what killed workers left half-written."""
    for half in folder.glob(f".*{PART}"):
        with suppress(OSError):
            half.unlink(missing_ok=True)
