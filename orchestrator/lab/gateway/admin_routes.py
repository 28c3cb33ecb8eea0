"""What no AWS has: faults, journal, settings, reset, and states that take weeks to come about by themselves."""

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
        desk = self._desk
        if asked[1] == "faults":
            return self._faults(call)
        if asked == ("GET", "calls"):
            return json_reply([record.model_dump() for record in desk.journal.records()])
        if asked == ("DELETE", "calls"):
            desk.journal.clear()
            return Reply(204)
        if asked == ("POST", "reset"):
            await self._reset()
            return Reply(204)
        if asked == ("POST", "settings"):
            changed = {**desk.world.settings.model_dump(), **call.document()}
            desk.world.settings = LabSettings.model_validate(changed)
            return json_reply(desk.world.settings.model_dump())
        if asked == ("GET", "settings"):
            return json_reply(desk.world.settings.model_dump())
        if asked == ("POST", "seed"):
            desk.world.chance.seed(call.document().get("seed"))
            return Reply(204)
        return await self._states(call, asked)

    async def _states(self, call: Call, asked: tuple[str, str]) -> Reply:
        world = self._desk.world
        if asked == ("POST", "states"):
            order = StateOrder.model_validate(call.document())
            configuration = world.function(order.function).version_configuration(order.version)
            settle(configuration, order.state, order.reason)
            return Reply(204)
        if asked == ("POST", "publish-failures"):
            failure = PublishOrder.model_validate(call.document())
            world.function(failure.function).next_publish_fails = failure.reason
            return Reply(204)
        if asked == ("POST", "alarms"):
            alarm = AlarmOrder.model_validate(call.document())
            if not any(known.definition["AlarmName"] == alarm.name for known in world.alarms.read(world)):
                world.alarms.put(_plain_alarm(alarm.name), None, world.now())
            world.alarms.set_state(alarm.name, alarm.state, alarm.reason, world.now())
            return Reply(204)
        if asked == ("GET", "code"):
            return self._code(call)
        return json_reply({"message": f"There is nothing at {call.method} {call.path}."}, 404)

    def _faults(self, call: Call) -> Reply:
        if not self._faults_allowed:
            return json_reply({"message": "This lab was started without faults; start it with faults allowed."}, 403)
        if call.method == "POST":
            self._desk.faults.post(Fault.model_validate(call.document()))
            return Reply(204)
        if call.method == "DELETE":
            self._desk.faults.clear()
            return Reply(204)
        return json_reply([fault.model_dump() for fault in self._desk.faults.standing()])

    def _code(self, call: Call) -> Reply:
        _, name, version = call.path.removeprefix(PREFIX).split("/")
        function = self._desk.world.function(name)
        function.version_configuration(version)
        package = function.package if version == "$LATEST" else function.versions[version].package
        return Reply(200, {"content-type": "application/zip"}, package)

    async def _reset(self) -> None:
        self._desk.faults.clear()
        self._desk.journal.clear()
        self._desk.world.settings = LabSettings()
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
