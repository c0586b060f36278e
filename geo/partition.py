"""Cells gathered into connected parts of like size: patrol grids from unit grids, communities from cells.

A balanced power diagram (Voronoi cells with weights moved until the sizes fit), then repair of what it cut off.
"""

from collections import deque

import numpy as np
from numpy.typing import NDArray

_ROUNDS = 60


def partition(
    xy_m: NDArray[np.float64],
    pairs: NDArray[np.int64],
    shares: NDArray[np.float64],
    rng: np.random.Generator,
) -> NDArray[np.int32]:
    """Give each cell the number of its part, 0 to k - 1; parts are connected where the cells are.

    Shape: `xy_m` (n, 2) centres in metres; `pairs` (m, 2) adjacent cells; `shares` (k,) wanted relative sizes, k <= n.
    Every part gets at least one cell. The same generator state gives the same parts.
    """
    wanted = shares / shares.sum() * len(xy_m)
    centres = _spread(xy_m, len(shares), rng)
    weights = np.zeros(len(shares))
    span_m2 = float(np.ptp(xy_m, axis=0).prod()) / max(len(shares), 1)
    parts = np.zeros(len(xy_m), dtype=np.int32)
    for turn in range(_ROUNDS):
        distance = _squared(xy_m, centres) - weights
        parts = distance.argmin(axis=1).astype(np.int32)
        size = np.bincount(parts, minlength=len(shares))
        empty = size == 0
        for axis in range(2):
            moved = np.bincount(parts, weights=xy_m[:, axis], minlength=len(shares)) / np.maximum(size, 1)
            if turn < _ROUNDS // 2:
                centres[:, axis] = np.where(empty, centres[:, axis], moved)
        step = 0.15 if turn < _ROUNDS // 2 else 0.08
        weights += step * span_m2 * np.clip((wanted - size) / wanted, -1, 1)
        weights -= weights.mean()
    return _connect(parts, pairs, len(shares), centres, xy_m)


def components(n: int, pairs: NDArray[np.int64]) -> NDArray[np.int32]:
    """Give each of n cells the number of its connected component, numbered by first appearance."""
    return _islands(n, _adjacency(n, pairs), np.zeros(n, dtype=np.int32))


def _squared(xy_m: NDArray[np.float64], centres: NDArray[np.float64]) -> NDArray[np.float64]:
    return (xy_m[:, None, 0] - centres[None, :, 0]) ** 2 + (xy_m[:, None, 1] - centres[None, :, 1]) ** 2


def _spread(xy_m: NDArray[np.float64], k: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Choose k cells far from each other: each next one is the farthest from those chosen."""
    chosen = [int(rng.integers(len(xy_m)))]
    nearest = np.full(len(xy_m), np.inf)
    for _ in range(k - 1):
        offset = xy_m - xy_m[chosen[-1]]
        nearest = np.minimum(nearest, (offset**2).sum(axis=1))
        chosen.append(int(nearest.argmax()))
    return xy_m[chosen].copy()


def _connect(
    parts: NDArray[np.int32],
    pairs: NDArray[np.int64],
    k: int,
    centres: NDArray[np.float64],
    xy_m: NDArray[np.float64],
) -> NDArray[np.int32]:
    """Keep each part's largest piece and let the rest join the part beside them."""
    adjacency = _adjacency(len(parts), pairs)
    island = _islands(len(parts), adjacency, parts)
    size = np.bincount(island)
    first = np.unique(island, return_index=True)[1]
    owner = parts[first]
    keep = np.zeros(len(size), dtype=bool)
    for part in range(k):
        mine = np.flatnonzero(owner == part)
        if len(mine):
            keep[mine[size[mine].argmax()]] = True
    settled = np.where(keep[island], parts, -1).astype(np.int32)
    for part in np.setdiff1d(np.arange(k), owner):  # a part that lost all its cells takes the nearest one back
        nearest = ((xy_m - centres[part]) ** 2).sum(axis=1)
        settled[int(nearest.argmin())] = part
    waiting = deque(int(cell) for cell in np.flatnonzero(settled >= 0))
    while waiting:
        cell = waiting.popleft()
        for beside in adjacency[cell]:
            if settled[beside] < 0:
                settled[beside] = settled[cell]
                waiting.append(beside)
    return np.where(settled < 0, parts, settled).astype(np.int32)


def _adjacency(n: int, pairs: NDArray[np.int64]) -> list[list[int]]:
    adjacency: list[list[int]] = [[] for _ in range(n)]
    for a, b in pairs.tolist():
        adjacency[a].append(b)
        adjacency[b].append(a)
    return adjacency


def _islands(n: int, adjacency: list[list[int]], parts: NDArray[np.int32]) -> NDArray[np.int32]:
    """Number the connected pieces of cells that have the same part."""
    island = [-1] * n
    label = parts.tolist()
    number = 0
    for start in range(n):
        if island[start] >= 0:
            continue
        island[start] = number
        waiting = [start]
        while waiting:
            cell = waiting.pop()
            for beside in adjacency[cell]:
                if island[beside] < 0 and label[beside] == label[start]:
                    island[beside] = number
                    waiting.append(beside)
        number += 1
    return np.asarray(island, dtype=np.int32)
