"""Resource policies: each belongs to exactly one qualifier, or to the function itself.

Source: AWS Lambda API, GetPolicy: a grant on an alias is not part of the function's own policy.
"""

import json

from orchestrator.lab.gateway.wire import Call, Reply, json_reply, not_found
from orchestrator.lab.gateway.world import World


async def get_policy(world: World, call: Call) -> Reply:
    """Answer with the statements of exactly what was asked for; 404 where there are none.

    The emulator keeps every statement in one policy and gives all of them for the bare function.
    """
    world.function(call.function)
    reply = await world.upstream.forward(call)
    if call.qualifier is not None or reply.status != 200:
        return reply
    answer = reply.document()
    policy = json.loads(answer["Policy"])
    own = [s for s in policy["Statement"] if str(s.get("Resource", "")).endswith(f":function:{call.function}")]
    if not own:
        raise not_found("No policy is associated with the given resource.")
    return json_reply({**answer, "Policy": json.dumps({**policy, "Statement": own})})


HANDLERS = {"GetPolicy": get_policy}
