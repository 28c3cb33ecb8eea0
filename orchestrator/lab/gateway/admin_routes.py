"""What no AWS has: faults, journal, settings, reset, and states that take weeks to come about by themselves."""

from collections.abc import Callable
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from orchestrator.lab.gateway.dispatch import Desk
from orchestrator.lab.gateway.faults import Fault
from orchestrator.lab.gateway.functions import settle
from orchestrator.lab.gateway.settings import LabSettings
from orchestrator.lab.gateway.wire import AwsError, Call, Reply, json_reply

PREFIX = "/_lab/"


class StateOrder(BaseModel):
    """Brings a version (or `$LATEST`) to a state, e.g. `Inactive`."""

    model_config = ConfigDict(extra="forbid")

    function: str
    version: str
    state: str
    reason: str | None = None


class PublishOrder(BaseModel):
    """Makes the next version published of a function end as `Failed`."""

    model_config = ConfigDict(extra="forbid")

    function: str
    reason: str


class AlarmOrder(BaseModel):
    """Puts an alarm into a state, creating a plain one when there is none of this name."""

    model_config = ConfigDict(extra="forbid")

    name: str
    state: str
    reason: str = "Set by hand"


class AdminDesk:
    """Answers what is asked under `/_lab/`."""

    def __init__(self, desk: Desk, *, faults_allowed: bool, seed: int | None) -> None:
        """Look after one desk; without `faults_allowed` faults are refused."""
        self._desk = desk
        self._faults_allowed = faults_allowed
        self._seed = seed
        self._first_settings = desk.world.settings

    async def answer(self, call: Call) -> Reply:
        """Answer one request: 200 or 204, 400 for a body that does not fit, 404 for another path."""
        try:
            return await self._route(call)
        except ValidationError as error:
            return json_reply({"message": str(error)}, 400)
        except AwsError as error:
            return json_reply({"message": error.message, "code": error.code}, error.status)

    async def _route(self, call: Call) -> Reply:
        asked = (call.method, call.path.removeprefix(PREFIX).partition("/")[0])
        if asked[1] == "faults" and not self._faults_allowed:
            raise AwsError("FaultsNotAllowed", "This lab was started without faults allowed.", 403)
        if asked == ("POST", "reset"):
            await self._reset()
            return Reply(204)
        rules: dict[tuple[str, str], Callable[[Call], Reply]] = {
            ("GET", "faults"): lambda _: json_reply([fault.model_dump() for fault in self._desk.faults.standing()]),
            ("POST", "faults"): self._post_fault,
            ("DELETE", "faults"): self._clear_faults,
            ("GET", "calls"): lambda _: json_reply(
                [record.model_dump(mode="json") for record in self._desk.journal.records()]
            ),
            ("DELETE", "calls"): self._clear_calls,
            ("GET", "settings"): lambda _: json_reply(self._desk.world.settings.model_dump()),
            ("POST", "settings"): self._change_settings,
            ("POST", "seed"): self._reseed,
            ("POST", "states"): self._set_state,
            ("POST", "publish-failures"): self._fail_publish,
            ("POST", "alarms"): self._set_alarm,
            ("GET", "code"): self._code,
        }
        if asked not in rules:
            raise AwsError("NotFound", f"There is nothing at {call.method} {call.path}.", 404)
        return rules[asked](call)

    def _post_fault(self, call: Call) -> Reply:
        self._desk.faults.post(Fault.model_validate(call.document()))
        return Reply(204)

    def _clear_faults(self, _: Call) -> Reply:
        self._desk.faults.clear()
        return Reply(204)

    def _clear_calls(self, _: Call) -> Reply:
        self._desk.journal.clear()
        return Reply(204)

    def _change_settings(self, call: Call) -> Reply:
        world = self._desk.world
        world.settings = LabSettings.model_validate({**world.settings.model_dump(), **call.document()})
        return json_reply(world.settings.model_dump())

    def _reseed(self, call: Call) -> Reply:
        self._desk.world.chance.seed(call.document().get("seed"))
        return Reply(204)

    def _set_state(self, call: Call) -> Reply:
        order = StateOrder.model_validate(call.document())
        settle(
            self._desk.world.function(order.function).version_configuration(order.version), order.state, order.reason
        )
        return Reply(204)

    def _fail_publish(self, call: Call) -> Reply:
        order = PublishOrder.model_validate(call.document())
        self._desk.world.function(order.function).next_publish_fails = order.reason
        return Reply(204)

    def _set_alarm(self, call: Call) -> Reply:
        order = AlarmOrder.model_validate(call.document())
        world = self._desk.world
        if order.name not in world.alarms:
            world.alarms.put(_plain_alarm(order.name), None, world.now())
        world.alarms.set_state(order.name, order.state, order.reason, world.now())
        return Reply(204)

    def _code(self, call: Call) -> Reply:
        _, name, version = call.path.removeprefix(PREFIX).split("/")
        function = self._desk.world.function(name)
        function.version_configuration(version)
        package = function.package if version == "$LATEST" else function.versions[version].package
        return Reply(200, {"content-type": "application/zip"}, package)

    async def _reset(self) -> None:
        self._desk.faults.clear()
        self._desk.journal.clear()
        self._desk.world.settings = self._first_settings
        await self._desk.world.clear(self._seed)


def _plain_alarm(name: str) -> dict[str, Any]:
    return {
        "AlarmName": name,
        "Namespace": "Lab",
        "MetricName": name,
        "Statistic": "Sum",
        "Period": 60,
        "EvaluationPeriods": 1,
        "Threshold": 0.0,
        "ComparisonOperator": "GreaterThanThreshold",
        "ActionsEnabled": True,
    }
