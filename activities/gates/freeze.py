"""Keep releases out of freeze windows: fixed dates, or hours that come back every week."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, time, timedelta
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, AwareDatetime, BeforeValidator, Field, WrapValidator, model_validator

from activities.gates import GateAnswer, GatePorts
from orchestrator.domain.traffic import Frozen
from orchestrator.domain.work import AskGate

Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
MOST_IN_A_ROW = 400
"""Windows that touch each other; more than a year of days is taken as for ever."""
_DAYS: tuple[Day, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def _known(zone: str) -> str:
    try:
        ZoneInfo(zone)
    except (KeyError, ValueError, OSError) as error:
        raise ValueError(f"unknown time zone `{zone}`; write one as `Europe/Berlin`") from error
    return zone


def _naive(hour: time) -> time:
    if hour.tzinfo is not None:
        raise ValueError("an hour of the week takes its offset from `zone`; write it as `17:00`")
    return hour


Zone = Annotated[str, AfterValidator(_known)]
Hour = Annotated[time, AfterValidator(_naive)]


def _day_ends(hour: Any) -> Any:
    """Take `24:00`, the end of a day in ISO 8601, as the midnight with which the next one begins."""
    return time(0) if hour in ("24:00", "24:00:00") else hour


End = Annotated[Hour, BeforeValidator(_day_ends)]


class Dates(Frozen):
    """Closed from one moment to another."""

    start: Annotated[AwareDatetime, Field(alias="from", description="first moment that is closed, with its UTC offset")]
    until: Annotated[AwareDatetime, Field(description="first moment that is open again, with its UTC offset")]
    reason: Annotated[str, Field(description="why, for people to read")] = ""

    @model_validator(mode="after")
    def _ends_after_it_begins(self) -> Self:
        if self.until <= self.start:
            raise ValueError(f"a freeze must end after it begins, got {self.start} until {self.until}")
        return self

    def end_after(self, now: datetime) -> datetime | None:
        """Return when the window that holds `now` ends; None outside it."""
        return self.until if self.start <= now < self.until else None


class Weekly(Frozen):
    """Closed on the same hours of some days, every week; `until` at or before `from` is on the next day."""

    days: Annotated[tuple[Day, ...], Field(min_length=1, description="days on which the window begins, `mon` to `sun`")]
    start: Annotated[Hour, Field(alias="from", description="first minute that is closed, local time as `17:00`")]
    until: Annotated[End, Field(description="first minute that is open again, local time as `08:00`, to `24:00`")]
    zone: Annotated[Zone, Field(description="time zone of both hours, e.g. `Europe/Berlin`")] = "UTC"
    reason: Annotated[str, Field(description="why, for people to read")] = ""

    def end_after(self, now: datetime) -> datetime | None:
        """Return when the window that holds `now` ends; None outside it."""
        now = now.astimezone(UTC)  # two moments of one zone would be compared by their clock faces
        return next((end for start, end in self._around(now) if start <= now < end), None)

    def _around(self, now: datetime) -> Iterator[tuple[datetime, datetime]]:
        """Yield the windows that began today or yesterday, local time; none is longer than a day."""
        zone = ZoneInfo(self.zone)
        today = now.astimezone(zone).date()
        for date in (today - timedelta(days=1), today):
            if _DAYS[date.weekday()] in self.days:
                last = date if self.until > self.start else date + timedelta(days=1)
                start = datetime.combine(date, self.start, zone)
                end = datetime.combine(last, self.until, zone)
                yield start, end


def _window(value: Any, _: Any) -> Dates | Weekly:
    """Take what has `days` as a weekly window, and tell only that kind's problems, at the path as it is written."""
    weekly = isinstance(value, Weekly) or (isinstance(value, Mapping) and "days" in value)
    return Weekly.model_validate(value) if weekly else Dates.model_validate(value)


Window = Annotated[Dates | Weekly, WrapValidator(_window)]


class FreezeOptions(Frozen):
    """When nothing may go on."""

    windows: Annotated[
        tuple[Window, ...],
        Field(min_length=1, description="freeze windows, any order; those that touch count as one"),
    ]


class Freeze:
    """Closed inside every window, open outside all of them."""

    Options = FreezeOptions

    async def ask(self, options: FreezeOptions, question: AskGate, ports: GatePorts) -> GateAnswer:
        """Look at the clock; nothing else is asked."""
        name, now = question.gate.gate.name, ports.clock.now()
        inside = [(end, window) for window in options.windows if (end := window.end_after(now)) is not None]
        if not inside:
            return GateAnswer(open=True, sentence=f"gate {name} is open: no freeze at {_told(now)}")
        reasons = "; ".join(window.reason for _, window in inside if window.reason)
        because = f": {reasons}" if reasons else ""
        opens = _opens(options, now)
        until = f"until {_told(opens)}" if opens else "and no end is in sight"
        return GateAnswer(open=False, sentence=f"gate {name} is closed {until}{because}")


def _opens(options: FreezeOptions, now: datetime) -> datetime | None:
    """Return the first moment outside every window; None where too many touch to see an end."""
    moment = now
    for _ in range(MOST_IN_A_ROW):
        ends = [end for window in options.windows if (end := window.end_after(moment)) is not None]
        if not ends:
            return moment
        moment = max(ends)
    return None


def _told(moment: datetime) -> str:
    return moment.isoformat(sep=" ", timespec="minutes")


PLUGIN = Freeze()
