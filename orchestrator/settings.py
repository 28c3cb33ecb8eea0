"""Every setting, read at the entry points only: environment `SLUICE_…`, then `.env`, then the defaults below."""

from typing import Annotated

from pydantic import BaseModel, Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class TemporalSettings(BaseModel):
    """Where releases live."""

    address: str = "127.0.0.1:7233"
    """Host and port of Temporal's frontend."""
    namespace: str = "default"
    """Temporal namespace; its retention is how long ended releases can be listed."""
    api_key: SecretStr | None = None
    """API key for Temporal Cloud; switches TLS on."""
    tls: bool = False
    """TLS without a client certificate."""
    connect_timeout: Annotated[float, Field(gt=0)] = 5
    """Seconds until a command gives up to reach the server."""


class AwsOptions(BaseModel):
    """How AWS is reached. Credentials come from the SDK's own chain (environment, profile, SSO, web identity, role)."""

    endpoint_url: str | None = None
    """Another endpoint for all services: the lab. None for AWS."""
    roles: dict[str, str] = Field(default_factory=dict)
    """Role to assume by account: `{"123456789012": "arn:aws:iam::123456789012:role/sluice"}`. An account that is not
    named is reached with the process' own credentials."""
    external_id: SecretStr | None = None
    """ExternalId sent with every AssumeRole."""
    requests_per_second: Annotated[float, Field(gt=0, le=15)] = 10
    """Control-plane requests per second, account and region, of this process, restores not counted. AWS allows 15 in
    total over all callers, and cannot raise it (Source: AWS Lambda quotas); the rest is left to restores and others."""


class WorkerSettings(BaseModel):
    """What one worker process serves."""

    places: tuple[str, ...] = ()
    """Accounts and regions as `123456789012/eu-west-1`: each has its own rate-limited task queue. Empty serves
    workflows only."""
    graceful_shutdown: Annotated[float, Field(ge=0)] = 10
    """Seconds that running activities get to end after SIGTERM."""
    max_cached_workflows: Annotated[int, Field(ge=0)] = 500
    """Releases kept in memory between events, about 65 kB each; 0 replays every release at every event."""


class Settings(BaseSettings):
    """All settings of Sluice. Nested ones are written with two underscores: `SLUICE_TEMPORAL__ADDRESS`."""

    model_config = SettingsConfigDict(
        env_prefix="SLUICE_", env_nested_delimiter="__", env_file=".env", extra="ignore", frozen=True
    )

    temporal: TemporalSettings = TemporalSettings()
    aws: AwsOptions = AwsOptions()
    worker: WorkerSettings = WorkerSettings()
    actor: str | None = None
    """Who acts on the command line; None takes the operating system's user name."""
