"""The studies that this process holds: which of them a request goes on with, and what has to be made again."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

from space import Params, Refused
from study import Diverged, Event, Study

_HEADER = ("sampler", "objectives", "space", "seed")
_COLD = {"isCold": True}


class Studies:
    """At most so many; the one that was not asked for the longest goes first."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._held: "OrderedDict[str, Study]" = OrderedDict()

    def suggest(self, request: "Mapping[str, Any]") -> "tuple[dict[str, Any], dict[str, Any]]":
        """The answer to the run, and for the worker's log how the study was ``made``, unless it was at hand."""
        name, since, events = request["study"], request["since"], request["events"]
        notes: "dict[str, Any]" = {}
        # Held again once the answer is there: what fails halfway fits no log.
        study = self._take(name, request, notes)
        if study is None:
            if since > 0:
                return _COLD, notes
            study = Study({field: request[field] for field in _HEADER})
            if events:
                notes["made"] = "replayed"
        try:
            study = _caught_up(study, request, notes)
            suggestions = _answer(study, request)
        except Refused:
            raise
        except Exception:
            # From all events it shows whether it fails again.
            if since > 0:
                return _COLD, notes
            raise
        self._held[name] = study
        while len(self._held) > self._most:
            self._held.popitem(last=False)
        return {"suggestions": suggestions}, notes

    def _take(self, name: str, request: "Mapping[str, Any]", notes: "dict[str, Any]") -> "Study | None":
        """The study of this name, or one of another name with the same past: of the run that this one continues. One of
        this name that does not fit is of no more use."""
        own = self._held.pop(name, None)
        if own is not None and _fits(own, request):
            return own
        if request["since"] > 0 or not request["events"]:
            return None
        for other, study in self._held.items():
            if study.log and _fits(study, request):
                notes["made"] = "continued"
                return self._held.pop(other)
        return None


def _fits(study: Study, request: "Mapping[str, Any]") -> bool:
    """Whether the log agrees with the request. What it has beyond the events must be what this very request asked for,
    when its answer was lost; or the events are a part of those to come, for which nothing is asked yet."""
    if any(study.header[name] != request[name] for name in _HEADER) or request["since"] > len(study.log):
        return False
    events = _events(study, request)
    later = study.log[request["since"] :]
    if any(one != other for one, other in zip(later, events)):
        return False
    beyond = later[len(events) :]
    asked = [one["trial"] if one["event"] == "asked" else None for one in beyond]
    return not request["trials"] or asked == request["trials"][: len(asked)]


def _events(study: Study, request: "Mapping[str, Any]") -> "list[Event]":
    return [study.normal(event) for event in request["events"]]


def _caught_up(study: Study, request: "Mapping[str, Any]", notes: "dict[str, Any]") -> Study:
    """Does again what the study has not done yet: after that the sampler draws what it would have drawn. Where Optuna
    suggests otherwise, what was recorded counts."""
    events = _events(study, request)[max(0, len(study.log) - request["since"]) :]
    whole = [*study.log, *events]
    try:
        for event in events:
            study.replay(event)
        return study
    except Diverged as why:
        notes.update(made="recorded", warning=str(why))
    study = Study(study.header, recorded=True)
    for event in whole:
        study.replay(event)
    return study


def _answer(study: Study, request: "Mapping[str, Any]") -> "list[Params]":
    if not request["trials"]:
        return []
    known = [event["params"] for event in study.log[request["since"] + len(request["events"]) :]]
    return known + [study.ask(number) for number in request["trials"][len(known) :]]
