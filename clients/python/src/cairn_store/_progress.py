"""Showing progress."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from .models import Progress


@contextmanager
def reporter(progress: Callable[[Progress], object] | bool | None, name: str) -> Iterator[Callable[[Progress], object]]:
    """The function that is called after each piece: the caller's, or one that shows a bar."""
    if callable(progress):
        yield progress
    elif progress and (bar := _bar(name)):
        with bar as show:
            yield show
    else:
        yield lambda _: None


def _bar(name: str) -> Any:
    for module, make in (("rich.progress", _rich), ("tqdm.auto", _tqdm)):
        try:
            return make(importlib.import_module(module), name)
        except ImportError:
            continue
    return None


@contextmanager
def _rich(module: Any, name: str) -> Iterator[Callable[[Progress], object]]:
    columns = module.TextColumn("{task.description}"), module.BarColumn(), module.DownloadColumn(), module.TransferSpeedColumn()
    with module.Progress(*columns, transient=True) as bars:
        task = bars.add_task(name, total=None)
        yield lambda it: bars.update(task, completed=it.done, total=it.total, description=f"{it.phase} {name}")


@contextmanager
def _tqdm(module: Any, name: str) -> Iterator[Callable[[Progress], object]]:
    with module.tqdm(desc=name, unit="B", unit_scale=True, unit_divisor=1024) as bar:

        def show(it: Progress) -> None:
            bar.desc, bar.total = f"{it.phase} {name}", it.total
            bar.update(it.done - bar.n)

        yield show
