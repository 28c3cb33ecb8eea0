"""AWS as the settings describe it: for whichever process calls it."""

from activities.aws.session import AwsClients, AwsSettings
from orchestrator.settings import AwsOptions


def aws_clients(options: AwsOptions) -> AwsClients:
    """Build the AWS clients that the settings describe."""
    return AwsClients(
        AwsSettings(
            endpoint_url=options.endpoint_url,
            roles=options.roles,
            external_id=options.external_id.get_secret_value() if options.external_id else None,
            control_rate=options.requests_per_second,
        )
    )
