"""Who one is here, and what that allows."""

from fastapi import APIRouter
from pydantic import AwareDatetime, Field

from orchestrator.api.bodies import Body
from orchestrator.api.parts import By
from orchestrator.api.roles import Method
from orchestrator.settings import Role

router = APIRouter(prefix="/v1", tags=["surroundings"])


class Grant(Body):
    """Roles on targets."""

    roles: list[Role]
    targets: list[str] = Field(description="patterns of `account/region/function:alias`")


class Whoami(Body):
    """Whose credential the request carries."""

    principal: str = Field(description="as in the journal and the audit")
    behalf: str = Field(description="the person that a machine says it acts for; empty for none")
    method: Method
    until: AwareDatetime | None = Field(description="when the credential ends; null for one without an end")
    grants: list[Grant]


@router.get("/whoami", summary="Read who one is here")
async def whoami(by: By) -> Whoami:
    """The principal of the credential, with its roles and the targets they hold on."""
    who = by.who
    grants = [Grant(roles=list(each.roles), targets=list(each.targets)) for each in who.grants]
    return Whoami(principal=who.name, behalf=who.behalf, method=who.method, until=who.until, grants=grants)
