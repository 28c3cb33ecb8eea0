"""Update, publish, states and revisions (lambda.md 1.3 to 1.5)."""

import pytest

from tests.lab.calls import ECHO, call, make, refused, until, zipped


async def latest(functions):
    return (await functions.get_function(FunctionName="f"))["Configuration"]


async def test_publishing_without_a_change_gives_the_same_version_and_revision(functions):
    await make(functions, ECHO % 1)
    first = await functions.get_function_configuration(FunctionName="f", Qualifier="1")
    again = await functions.publish_version(FunctionName="f")
    assert (again["Version"], again["RevisionId"]) == ("1", first["RevisionId"])
    assert again["ResponseMetadata"]["HTTPStatusCode"] == 201


async def test_a_configuration_change_alone_makes_a_new_version(functions):
    await make(functions, ECHO % 1)
    await functions.update_function_configuration(FunctionName="f", Environment={"Variables": {"A": "1"}})
    published = await functions.publish_version(FunctionName="f")
    assert (published["Version"], published["Environment"]) == ("2", {"Variables": {"A": "1"}})
    assert (await functions.get_function(FunctionName="f", Qualifier="1"))["Configuration"].get("Environment") is None


async def test_publish_guards_answer_412_for_the_revision_and_400_for_the_hash(functions):
    await make(functions, ECHO % 1)
    await functions.update_function_code(FunctionName="f", ZipFile=zipped(ECHO % 2))
    with refused("PreconditionFailedException", 412):
        await functions.publish_version(FunctionName="f", RevisionId="stale")
    with refused("InvalidParameterValueException", 400, "CodeSHA256"):
        await functions.publish_version(FunctionName="f", CodeSha256="other")
    now = await latest(functions)
    done = await functions.publish_version(FunctionName="f", RevisionId=now["RevisionId"], CodeSha256=now["CodeSha256"])
    assert (done["Version"], done["CodeSha256"]) == ("2", now["CodeSha256"])


async def test_updates_honour_the_revision(functions):
    await make(functions, ECHO % 1)
    with refused("PreconditionFailedException", 412):
        await functions.update_function_code(FunctionName="f", ZipFile=zipped(ECHO % 2), RevisionId="stale")
    with refused("PreconditionFailedException", 412):
        await functions.update_function_configuration(FunctionName="f", MemorySize=256, RevisionId="stale")
    revision = (await latest(functions))["RevisionId"]
    await functions.update_function_code(FunctionName="f", ZipFile=zipped(ECHO % 2), RevisionId=revision)


async def test_the_revision_of_latest_moves_with_update_settling_and_publishing_but_not_with_aliases(functions):
    await make(functions, ECHO % 1)
    seen = [(await latest(functions))["RevisionId"]]
    updated = await functions.update_function_code(FunctionName="f", ZipFile=zipped(ECHO % 2))
    seen += [updated["RevisionId"], (await latest(functions))["RevisionId"]]
    await functions.publish_version(FunctionName="f")
    seen.append((await latest(functions))["RevisionId"])
    assert len(set(seen)) == 4
    await functions.create_alias(FunctionName="f", Name="live", FunctionVersion="2")
    assert (await latest(functions))["RevisionId"] == seen[-1]


async def test_a_dry_run_leaves_the_code_alone(functions):
    await make(functions, ECHO % 1)
    before = await latest(functions)
    await functions.update_function_code(FunctionName="f", ZipFile=zipped(ECHO % 2), DryRun=True)
    assert await latest(functions) == before
    assert (await call(functions))[1]["n"] == 1


async def test_during_an_update_the_old_code_runs_and_changes_are_refused(functions, admin):
    await make(functions, ECHO % 1)
    await call(functions)
    await admin.configure(update_seconds=0.8)
    begun = await functions.update_function_code(FunctionName="f", ZipFile=zipped(ECHO % 2))
    assert (begun["State"], begun["LastUpdateStatus"]) == ("Active", "InProgress")
    assert (await call(functions))[1]["n"] == 1
    for act in (
        functions.publish_version(FunctionName="f"),
        functions.update_function_configuration(FunctionName="f", MemorySize=256),
        functions.update_function_code(FunctionName="f", ZipFile=zipped(ECHO % 3)),
    ):
        with refused("ResourceConflictException", 409):
            await act

    async def settled():
        return (await latest(functions))["LastUpdateStatus"] == "Successful"

    await until(settled)
    assert (await call(functions))[1]["n"] == 2


async def test_a_new_function_is_pending_first_and_refuses_work(functions, admin):
    await admin.configure(pending_seconds=0.4)
    made = await functions.create_function(
        FunctionName="f",
        Runtime="python3.12",
        Role="arn:aws:iam::000000000000:role/r",
        Handler="app.handler",
        Code={"ZipFile": zipped(ECHO % 1)},
    )
    assert made["State"] == "Pending"
    with refused("ResourceConflictException", 409):
        await call(functions)
    with refused("ResourceConflictException", 409):
        await functions.publish_version(FunctionName="f")

    async def settled():
        return (await latest(functions))["State"] == "Active"

    await until(settled)


async def test_a_pending_version_refuses_invocations_until_it_is_active(functions, admin):
    await make(functions, ECHO % 1)
    await functions.update_function_code(FunctionName="f", ZipFile=zipped(ECHO % 2))
    await admin.configure(pending_seconds=0.4)
    published = await functions.publish_version(FunctionName="f")
    assert published["State"] == "Pending"
    with refused("ResourceConflictException", 409, "Pending"):
        await call(functions, "2")

    async def active():
        return (await functions.get_function_configuration(FunctionName="f", Qualifier="2"))["State"] == "Active"

    await until(active)
    shown = await functions.get_function_configuration(FunctionName="f", Qualifier="2")
    assert shown["RevisionId"] != published["RevisionId"]
    await call(functions, "2")


async def test_a_version_can_be_made_to_fail(functions, admin):
    await make(functions, ECHO % 1)
    await functions.update_function_code(FunctionName="f", ZipFile=zipped(ECHO % 2))
    await admin.fail_next_publish("f", "The image could not be pulled")
    await functions.publish_version(FunctionName="f")
    shown = (await functions.get_function(FunctionName="f", Qualifier="2"))["Configuration"]
    assert (shown["State"], shown["StateReason"]) == ("Failed", "The image could not be pulled")
    with refused("ResourceConflictException", 409, "Failed"):
        await call(functions, "2")


async def test_an_inactive_version_wakes_on_its_first_invocation(functions, admin):
    await make(functions, ECHO % 1)
    await admin.set_state("f", "1", "Inactive")
    assert (await functions.get_function(FunctionName="f", Qualifier="1"))["Configuration"]["State"] == "Inactive"
    with refused("ResourceConflictException", 409):
        await call(functions, "1")
    assert (await call(functions, "1"))[1]["n"] == 1


async def test_update_with_publish_answers_with_a_pending_version(functions):
    await make(functions, ECHO % 1)
    answer = await functions.update_function_code(FunctionName="f", ZipFile=zipped(ECHO % 2), Publish=True)
    assert (answer["Version"], answer["State"]) == ("2", "Pending")
    assert (await call(functions, "2"))[1] == {"n": 2, "event": {}, "version": "2"}


async def test_code_comes_from_s3_too(functions, aws):
    await make(functions, ECHO % 1)
    await aws.s3.create_bucket(Bucket="artifacts")
    await aws.s3.put_object(Bucket="artifacts", Key="a/b.zip", Body=zipped(ECHO % 5))
    answer = await functions.update_function_code(FunctionName="f", S3Bucket="artifacts", S3Key="a/b.zip")
    assert answer["CodeSize"] == len(zipped(ECHO % 5))
    assert (await call(functions))[1]["n"] == 5
    with refused("InvalidParameterValueException", 400, "NoSuchKey"):
        await functions.update_function_code(FunctionName="f", S3Bucket="artifacts", S3Key="none")


async def test_a_package_that_is_no_zip_is_refused(functions):
    await make(functions, ECHO % 1)
    with refused("InvalidParameterValueException", 400, "unzip"):
        await functions.update_function_code(FunctionName="f", ZipFile=b"no zip")


@pytest.mark.parametrize("qualifier", ["$LATEST", "1", "live"])
async def test_get_function_tells_arn_version_and_guard_fields(functions, qualifier):
    await make(functions, ECHO % 1, alias="live", Tags={"team": "shop"})
    shown = await functions.get_function(FunctionName="f", Qualifier=qualifier)
    assert shown["Configuration"]["FunctionArn"] == f"arn:aws:lambda:us-east-1:000000000000:function:f:{qualifier}"
    assert shown["Configuration"]["Version"] == ("1" if qualifier == "live" else qualifier)
    assert {"RevisionId", "CodeSha256", "Role", "State", "LastUpdateStatus"} <= set(shown["Configuration"])
    assert shown["Tags"] == {"team": "shop"}


async def test_versions_are_listed_by_page(functions):
    await make(functions, ECHO % 1, ECHO % 2)
    pages = functions.get_paginator("list_versions_by_function").paginate(
        FunctionName="f", PaginationConfig={"PageSize": 2}
    )
    assert [[v["Version"] for v in page["Versions"]] async for page in pages] == [["$LATEST", "1"], ["2"]]


async def test_functions_can_be_named_by_arn(functions):
    await make(functions, ECHO % 1)
    arn = "arn:aws:lambda:us-east-1:000000000000:function:f"
    assert (await functions.get_function_configuration(FunctionName=f"{arn}:1"))["Version"] == "1"
    assert (await call(functions, name=f"{arn}:1"))[0]["ExecutedVersion"] == "1"
