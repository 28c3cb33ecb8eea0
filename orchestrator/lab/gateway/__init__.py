"""The gateway: what a release is made of, added in front of an emulator that executes function code.

Both sides speak AWS' public wire format. Behaviour recorded on AWS is cited where a rule is enforced.
"""

from orchestrator.lab.gateway.server import Gateway

__all__ = ["Gateway"]
