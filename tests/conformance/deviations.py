"""Where a test double is known not to be like AWS: by world and test (all its cases, or one), with the reason.

An entry that is no longer true fails the suite (xfail strict).
"""

_MOTO_REVISION = "moto never changes a RevisionId, leaves it out of versions, and compares none"
_MOTO_WEIGHTS = "moto stores whatever weights it is sent"
_MOTO_PROVISIONED = "moto has no provisioned concurrency: every call is HTTP 404 without an error code"
_MOTO_RUNS_NOTHING = "moto runs no code without Docker: it echoes, and names no executed version"
_POLICY = "the policy of a qualifier is also given as that of the function"

DEVIATIONS: dict[str, dict[str, str]] = {
    "moto": {
        "test_each_write_makes_a_new_revision": _MOTO_REVISION,
        "test_an_old_revision_is_stale_and_changes_nothing": _MOTO_REVISION,
        "test_a_lost_reply_then_stale": _MOTO_REVISION,
        "test_settings_change_guarded_and_environment_values_stay_secret": _MOTO_REVISION,
        "test_code_from_a_bucket_changes_latest_alone": _MOTO_REVISION,
        "test_publishing_new_code_gives_the_next_number": _MOTO_REVISION,
        "test_publishing_is_guarded_by_revision": _MOTO_REVISION,
        "test_publishing_is_guarded_by_hash": "moto does not compare CodeSha256",
        "test_an_object_that_does_not_exist_is_missing": "moto accepts an object that does not exist",
        "test_a_version_that_does_not_exist_is_missing[additional]": _MOTO_WEIGHTS,
        "test_weights_never_name_latest": _MOTO_WEIGHTS,
        "test_versions_that_differ_in_role_or_queue_cannot_share": _MOTO_WEIGHTS,
        "test_none_is_an_answer": _MOTO_PROVISIONED,
        "test_a_version_is_provisioned_and_released": _MOTO_PROVISIONED,
        "test_latest_cannot_be_provisioned": _MOTO_PROVISIONED,
        "test_an_alias_with_weights_cannot_be_provisioned": _MOTO_PROVISIONED,
        "test_a_provisioned_alias_takes_weights": _MOTO_PROVISIONED,
        "test_a_version_and_its_alias_cannot_both_be_provisioned": _MOTO_PROVISIONED,
        "test_provisioned_stays_within_reserved": _MOTO_PROVISIONED,
        "test_lambda_holds_traffic_back_until_a_moved_alias_is_ready": _MOTO_PROVISIONED,
        "test_a_version_is_invoked_by_number": _MOTO_RUNS_NOTHING,
        "test_a_crash_is_an_answer": _MOTO_RUNS_NOTHING,
        "test_an_alias_runs_one_of_its_two_versions": _MOTO_RUNS_NOTHING,
        "test_a_missing_qualifier_is_missing": "moto invokes a qualifier that does not exist",
        "test_event_sources_tell_what_they_go_through": "moto rewrites an alias in a mapping to its version",
        "test_a_policy_belongs_to_one_qualifier": _POLICY,
        "test_percentiles_and_counts_above_a_threshold": "moto has no percentiles",
        "test_every_action_is_decided_in_the_order_asked": "moto simulates no policies",
        "test_alarms_of_both_kinds_by_name": "moto has no composite alarms",
        "test_since_is_the_last_real_change": "moto moves the transition time at every write",
    },
}


def deviation(world: str, test: str, case: str) -> str | None:
    """Return the reason why `test` (with its case, as in `test[case]`) fails in this world; None if it must pass."""
    known = DEVIATIONS.get(world, {})
    return known.get(test) or known.get(f"{test}[{case}]")
