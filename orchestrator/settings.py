"""Every setting, read at the entry points only: environment `SLUICE_…`, then `.env`, then the defaults below."""

from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, IPvAnyNetwork, SecretStr, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
NAME = r"^[A-Za-z0-9][A-Za-z0-9 ._@-]{0,62}$"
"""Names of tokens, rules and issuers: they appear in journals and logs."""


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


Role = Literal["view", "start", "approve", "operate", "admin"]


class ApiSettings(BaseModel):
    """How `sluice serve` answers."""

    host: str = "127.0.0.1"
    """Address to listen on. TLS is ended in front of it."""
    port: Annotated[int, Field(ge=0, le=65535)] = 8080
    """Port to listen on; 0 chooses a free one."""
    release_file: Path | None = None
    """Release file whose targets may be started by name; read again when it changes."""
    inline_role: Role = "admin"
    """Role, beside `start`, that a request needs to bring its own target and strategy: these may skip every check."""
    max_body: Annotated[int, Field(ge=1024)] = 65536
    """Largest body in bytes."""
    temporal_seconds: Annotated[float, Field(gt=0)] = 5
    """Longest that one answer waits for Temporal."""
    poll: Annotated[float, Field(gt=0)] = 1
    """Seconds between two looks at a release that somebody streams; one look serves all its streams."""
    max_streams: Annotated[int, Field(ge=1)] = 500
    """Event streams that are open at once in this process."""
    rate: str = "20/second"
    """Requests of one principal to this process, as `N/second` or `N/minute`."""
    refusal_rate: str = "30/minute"
    """Refused credentials from one address that are logged and answered with 401; more are answered with 429."""
    drain: Annotated[float, Field(ge=0)] = 1
    """Seconds after SIGTERM in which requests are still taken while `/readyz` already fails."""
    grace: Annotated[int, Field(ge=1)] = 3
    """Seconds that running requests get after that."""


class GrantEntry(BaseModel):
    """Roles on targets. A pattern is matched with `account/region/function:alias`; `*` stands for any characters."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    roles: Annotated[tuple[Role, ...], Field(min_length=1)]
    targets: Annotated[tuple[str, ...], Field(min_length=1)]


class TokenEntry(GrantEntry):
    """An API token, by its SHA-256: `sluice token NAME` makes one."""

    name: Annotated[str, Field(pattern=NAME)]
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    expires: AwareDatetime | None = None


class ClaimRule(GrantEntry):
    """What a CI token with these claims may do. Names can be taken over by others, so at least one claim is an id."""

    name: Annotated[str, Field(pattern=NAME)]
    claims: dict[str, str | tuple[str, ...]]
    """Every claim must equal its value, or one of its values; `*` matches any characters, except in an id."""

    @field_validator("claims")
    @classmethod
    def _by_id(cls, claims: dict[str, str | tuple[str, ...]]) -> dict[str, str | tuple[str, ...]]:
        if "sub" in claims:
            raise ValueError("`sub` is text that its issuer may reword: use repository_id, environment, ref, ...")
        ids = {name: value for name, value in claims.items() if name.endswith(("_id", "-id"))}
        if not ids:
            raise ValueError("name at least one id, e.g. repository_id: else any project of that issuer is let in")
        if any("*" in value for each in ids.values() for value in ((each,) if isinstance(each, str) else each)):
            raise ValueError("an id is written out in full, without `*`")
        return claims


class IssuerEntry(BaseModel):
    """Who signs CI tokens, and what they are worth here."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Annotated[str, Field(pattern=NAME)]
    issuer: str
    """`iss`, exactly, e.g. `https://token.actions.githubusercontent.com`."""
    audience: str = "sluice"
    jwks_url: str | None = None
    """Where its keys are; None asks the issuer's `/.well-known/openid-configuration`."""
    rules: Annotated[tuple[ClaimRule, ...], Field(min_length=1)]
    """The first that fits counts."""

    @field_validator("issuer", "jwks_url")
    @classmethod
    def _encrypted(cls, url: str | None) -> str | None:
        parts = urlsplit(url or "https:")
        if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in LOOPBACK):
            raise ValueError("must begin with https:// (http:// only on loopback)")
        return url


class ProxySettings(BaseModel):
    """A proxy that logs people in and tells who they are by headers."""

    addresses: tuple[IPvAnyNetwork, ...] = ()
    """Addresses or networks of the proxies. The headers are ignored from anywhere else; empty switches this off."""
    user_header: str = "X-Forwarded-User"
    """Header with the person's name."""
    groups_header: str = "X-Forwarded-Groups"
    """Header with the person's groups, separated by commas."""
    groups: dict[str, tuple[GrantEntry, ...]] = Field(default_factory=dict)
    """Grants by group: `{"payments": [{"roles": ["operate"], "targets": ["*/checkout:live"]}]}`."""


class AuthSettings(BaseModel):
    """Who may do what over HTTP."""

    mode: Literal["required", "lab"] = "required"
    """`lab` lets everybody on this machine do everything; refused unless the server listens on loopback only."""
    tokens: tuple[TokenEntry, ...] = ()
    """API tokens by their SHA-256."""
    issuers: tuple[IssuerEntry, ...] = ()
    """Issuers of CI tokens (OpenID Connect)."""
    proxy: ProxySettings = ProxySettings()


class HookSettings(BaseModel):
    """Who may send webhooks. All secrets of one sender are valid: add the new, change the sender, drop the old."""

    github_secrets: tuple[SecretStr, ...] = ()
    """Secrets of GitHub webhooks; empty refuses every delivery."""
    gitlab_secrets: tuple[SecretStr, ...] = ()
    """Signing tokens of GitLab webhooks (`whsec_...`)."""
    gitlab_tokens: tuple[SecretStr, ...] = ()
    """Secret tokens of GitLab instances that do not sign yet (`X-Gitlab-Token`)."""
    standard_secrets: dict[str, tuple[SecretStr, ...]] = Field(default_factory=dict)
    """Secrets (`whsec_...`) of Standard Webhooks senders, by the name in their address."""
    line_limit: Annotated[int, Field(ge=1)] = 20
    """Releases that may wait for one target at once (`on_busy: queue`)."""
    patience: Annotated[float, Field(gt=0)] = 24
    """Hours that a release waits for its target."""


class GitHubSettings(BaseModel):
    """How GitHub is told how a release goes: as an App, or by a token."""

    api_url: str = "https://api.github.com"
    """Address of the REST API; `https://HOST/api/v3` on GitHub Enterprise Server."""
    token: SecretStr | None = None
    """Token that may write deployments and commit statuses, where there is no App."""
    app_id: str | None = None
    """Id of the GitHub App, which may also write check runs."""
    private_key: SecretStr | None = None
    """The App's private key (PEM)."""


class GitLabSettings(BaseModel):
    """How GitLab is told how a release goes."""

    api_url: str = "https://gitlab.com/api/v4"
    """Address of the REST API."""
    token: SecretStr | None = None
    """Token with scope `api` that may write commit statuses."""


class EventSettings(BaseModel):
    """Where EventBridge events arrive."""

    queue_url: str | None = None
    """SQS queue that a rule of EventBridge sends to; `sluice events` reads it."""
    account: str = ""
    """Account of the queue, whose role is assumed; empty takes the process' own credentials."""
    region: str = "us-east-1"
    """Region of the queue."""


class Settings(BaseSettings):
    """All settings of Sluice. Nested ones are written with two underscores: `SLUICE_TEMPORAL__ADDRESS`."""

    model_config = SettingsConfigDict(
        env_prefix="SLUICE_", env_nested_delimiter="__", env_file=".env", extra="ignore", frozen=True
    )

    temporal: TemporalSettings = TemporalSettings()
    aws: AwsOptions = AwsOptions()
    worker: WorkerSettings = WorkerSettings()
    api: ApiSettings = ApiSettings()
    auth: AuthSettings = AuthSettings()
    hooks: HookSettings = HookSettings()
    github: GitHubSettings = GitHubSettings()
    gitlab: GitLabSettings = GitLabSettings()
    events: EventSettings = EventSettings()
    public_url: str | None = None
    """Address under which people reach Sluice's pages, e.g. `https://sluice.example.com`: links told to CI systems, and
    where writes through a browser login may come from."""
    prometheus_url: str | None = None
    """Address of Prometheus for checks of kind `prometheus` that name none, e.g. `http://prometheus:9090`."""
    actor: str | None = None
    """Who acts on the command line; None takes the operating system's user name. A server names whoever the credential
    names."""
    url: str | None = None
    """Sluice's HTTP API, which the command line then asks; None lets it ask Temporal itself."""
    token: SecretStr | None = None
    """Credential of the command line for that API."""
    id_token: SecretStr | None = None
    """OpenID Connect token of a CI job (GitLab's `id_tokens`), where there is no `token`."""
    oidc_audience: str | None = None
    """Audience for which GitHub Actions is asked for the job's token, where there is no other credential."""
