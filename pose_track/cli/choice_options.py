"""The options that choose people of a result."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pose_track.selection.choice import Choice


def add_choice(parser: argparse.ArgumentParser) -> None:
    """--people, --main, --max-people and --region."""
    group = parser.add_argument_group("people")
    group.add_argument("--people", metavar="IDS", help="only these track ids, such as 1,3")
    _add_without_ids(group)


def add_choice_of_run(parser: argparse.ArgumentParser) -> None:
    """--main, --max-people and --region, the settings `people`, of a run whose ids are not known before."""
    _add_without_ids(parser.add_argument_group("people"))


def _add_without_ids(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add("--main", action="store_true", help="only the person who is largest for longest")
    add("--max-people", metavar="N", type=int, help="only the N people who are largest for longest")
    add(
        "--region",
        metavar="X,Y ...",
        nargs="+",
        help="only where people stand in this polygon, in pixels: 3 corners or more",
    )


def chosen_people(options: argparse.Namespace) -> Choice:
    """The choice of the options. Raises ValueError for values that cannot be."""
    import numpy as np

    from pose_track.selection.choice import Choice

    ids = None if options.people is None else frozenset(_ids(options.people))
    region = None if options.region is None else np.array([point(text, "--region") for text in options.region])
    return Choice(ids, _max_people(options), region)


def people_settings(options: argparse.Namespace) -> dict[str, object]:
    """The settings of a run for the options of `add_choice_of_run`, by key; None where an option is not given."""
    corners = None if options.region is None else [list(point(text, "--region")) for text in options.region]
    return {"people.max_people": _max_people(options), "people.region": corners}


def _max_people(options: argparse.Namespace) -> int | None:
    if options.main and options.max_people is not None:
        raise ValueError("--main is --max-people 1; give one of them")
    number: int | None = 1 if options.main else options.max_people
    return number


def _ids(text: str) -> list[int]:
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isdigit() and int(part) for part in parts):
        raise ValueError(f"--people takes track ids such as 1,3, got {text!r}")
    return [int(part) for part in parts]


def point(text: str, option: str) -> tuple[float, float]:
    """Two numbers X,Y. Raises ValueError, naming the option."""
    try:
        x, y = map(float, text.split(","))
    except ValueError:
        raise ValueError(f"{option} takes points X,Y such as 320,240.5, got {text!r}") from None
    return x, y
