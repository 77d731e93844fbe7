"""moto in server mode, answering boto3: S3, SQS, SNS, DynamoDB and STS."""

import io
import json

import boto3
import botocore.config
import botocore.exceptions
import pytest
import requests
from served import free_port, serve

moto_server = pytest.importorskip("moto.server")

PART = 5 * 1024 * 1024  # bytes: the least that S3 takes for a part that is not the last


@pytest.fixture(scope="module", params=["process", "thread"])
def endpoint(request, tmp_path_factory):
    """The address of a server: the command `moto_server`, and a thread of this process."""
    if request.param == "process":
        port, folder = free_port(), tmp_path_factory.mktemp("moto")
        words = ("moto_server", "-H", "127.0.0.1", "-p", str(port))
        with serve(*words, port=port, folder=folder, ready="/moto-api/") as address:
            yield address
            assert "Traceback" not in (folder / "server.log").read_text()
        return
    server = moto_server.ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    yield "http://{}:{}".format(*server.get_host_and_port())
    server.stop()


@pytest.fixture
def aws(endpoint):
    """Makes clients of a service; everything that earlier tests made is gone."""
    requests.post(f"{endpoint}/moto-api/reset", timeout=30).raise_for_status()

    def client(service, **config):
        return boto3.client(
            service,
            endpoint_url=endpoint,
            region_name="us-east-1",
            aws_access_key_id="a",
            aws_secret_access_key="b",
            config=botocore.config.Config(retries={"total_max_attempts": 1}, **config),
        )

    return client


@pytest.fixture
def s3(aws):
    client = aws("s3")
    client.create_bucket(Bucket="box")
    return client


def code(caught):
    return caught.value.response["Error"]["Code"]


def test_s3_objects(s3):
    s3.put_object(Bucket="box", Key="a/b c+ü.txt", Body=b"text", Metadata={"colour": "red"})
    got = s3.get_object(Bucket="box", Key="a/b c+ü.txt")
    assert got["Body"].read() == b"text"
    assert (got["ContentLength"], got["Metadata"]) == (4, {"colour": "red"})
    assert got["ResponseMetadata"]["HTTPHeaders"]["accept-ranges"] == "bytes"
    head = s3.head_object(Bucket="box", Key="a/b c+ü.txt")
    assert (head["ETag"], head["ContentLength"]) == (got["ETag"], 4)


def test_s3_an_empty_object_and_odd_keys(s3):
    keys = ["empty", "a//b", "a/./b", "%2F", "a?b=c&d", "dir/"]
    for key in keys:
        s3.put_object(Bucket="box", Key=key, Body=b"")
    assert {o["Key"] for o in s3.list_objects_v2(Bucket="box")["Contents"]} == set(keys)
    for key in keys:
        assert s3.get_object(Bucket="box", Key=key)["Body"].read() == b""


def test_s3_errors(s3):
    with pytest.raises(botocore.exceptions.ClientError) as caught:
        s3.get_object(Bucket="box", Key="none")
    assert code(caught) == "NoSuchKey"
    with pytest.raises(botocore.exceptions.ClientError) as caught:
        s3.head_object(Bucket="box", Key="none")
    assert code(caught) == "404"
    with pytest.raises(botocore.exceptions.ClientError) as caught:
        s3.list_objects_v2(Bucket="no-such-box")
    assert code(caught) == "NoSuchBucket"


def test_s3_lists_by_page_prefix_and_delimiter(s3):
    for number in range(12):
        s3.put_object(Bucket="box", Key=f"{'even' if number % 2 == 0 else 'odd'}/{number:02}")
    pages = s3.get_paginator("list_objects_v2").paginate(
        Bucket="box", PaginationConfig={"PageSize": 5}
    )
    assert [len(page["Contents"]) for page in pages] == [5, 5, 2]
    listed = s3.list_objects_v2(Bucket="box", Prefix="odd/")
    assert [o["Key"] for o in listed["Contents"]] == [f"odd/{n:02}" for n in range(1, 12, 2)]
    top = s3.list_objects_v2(Bucket="box", Delimiter="/")
    assert [p["Prefix"] for p in top["CommonPrefixes"]] == ["even/", "odd/"]


def test_s3_ranges(s3):
    s3.put_object(Bucket="box", Key="digits", Body=b"0123456789")

    def part(wanted):
        got = s3.get_object(Bucket="box", Key="digits", Range=wanted)
        assert got["ResponseMetadata"]["HTTPStatusCode"] == 206
        return got["Body"].read(), got["ContentRange"]

    assert part("bytes=2-4") == (b"234", "bytes 2-4/10")
    assert part("bytes=7-") == (b"789", "bytes 7-9/10")
    assert part("bytes=-2") == (b"89", "bytes 8-9/10")
    with pytest.raises(botocore.exceptions.ClientError) as caught:
        s3.get_object(Bucket="box", Key="digits", Range="bytes=20-30")
    assert code(caught) == "InvalidRange"


def test_s3_conditions(s3):
    tag = s3.put_object(Bucket="box", Key="k", Body=b"x")["ETag"]
    assert s3.get_object(Bucket="box", Key="k", IfMatch=tag)["Body"].read() == b"x"
    with pytest.raises(botocore.exceptions.ClientError) as caught:
        s3.get_object(Bucket="box", Key="k", IfNoneMatch=tag)
    assert code(caught) in ("304", "NotModified")


def test_s3_multipart_by_hand(s3):
    upload = s3.create_multipart_upload(Bucket="box", Key="big")["UploadId"]
    where = {"Bucket": "box", "Key": "big", "UploadId": upload}
    done = []
    for number, body in enumerate([b"a" * PART, b"b" * 100], start=1):
        tag = s3.upload_part(**where, PartNumber=number, Body=body)["ETag"]
        done.append({"PartNumber": number, "ETag": tag})
    assert len(s3.list_parts(**where)["Parts"]) == 2
    s3.complete_multipart_upload(**where, MultipartUpload={"Parts": done})
    body = s3.get_object(Bucket="box", Key="big")["Body"].read()
    assert body == b"a" * PART + b"b" * 100


def test_s3_multipart_given_up(s3):
    upload = s3.create_multipart_upload(Bucket="box", Key="big")["UploadId"]
    where = {"Bucket": "box", "Key": "big", "UploadId": upload}
    s3.upload_part(**where, PartNumber=1, Body=b"a")
    s3.abort_multipart_upload(**where)
    assert "Uploads" not in s3.list_multipart_uploads(Bucket="box")


def test_s3_transfer_manager_and_streams(s3):
    content = bytes(range(256)) * 40_000  # 10 MB: uploaded in parts, by several threads
    s3.upload_fileobj(io.BytesIO(content), "box", "file")
    back = io.BytesIO()
    s3.download_fileobj("box", "file", back)
    assert back.getvalue() == content
    chunks = list(s3.get_object(Bucket="box", Key="file")["Body"].iter_chunks(1 << 20))
    assert b"".join(chunks) == content


def test_s3_copy_tag_delete(s3):
    s3.put_object(Bucket="box", Key="one", Body=b"1", Tagging="a=b")
    s3.copy_object(Bucket="box", Key="two", CopySource="box/one")
    assert s3.get_object(Bucket="box", Key="two")["Body"].read() == b"1"
    assert s3.get_object_tagging(Bucket="box", Key="one")["TagSet"] == [{"Key": "a", "Value": "b"}]
    s3.delete_objects(Bucket="box", Delete={"Objects": [{"Key": "one"}, {"Key": "two"}]})
    assert s3.list_objects_v2(Bucket="box")["KeyCount"] == 0
    s3.delete_bucket(Bucket="box")
    assert s3.list_buckets()["Buckets"] == []


def test_s3_signed_addresses(s3):
    params = {"Bucket": "box", "Key": "signed"}
    put = s3.generate_presigned_url("put_object", Params=params)
    assert requests.put(put, data=b"by hand", timeout=30).status_code == 200
    got = requests.get(s3.generate_presigned_url("get_object", Params=params), timeout=30)
    assert got.content == b"by hand"


def test_s3_a_form_post(s3):
    form = s3.generate_presigned_post("box", "posted")
    files = {"file": ("name.bin", b"\x00\r\n--\xff", "application/octet-stream")}
    sent = requests.post(form["url"], data=form["fields"], files=files, timeout=30)
    assert sent.status_code in (200, 204)
    assert s3.get_object(Bucket="box", Key="posted")["Body"].read() == b"\x00\r\n--\xff"


def test_sqs(aws):
    sqs = aws("sqs")
    url = sqs.create_queue(QueueName="q")["QueueUrl"]
    assert url in sqs.list_queues()["QueueUrls"]
    sqs.send_message(QueueUrl=url, MessageBody="héllo <&>", DelaySeconds=0)
    entries = [{"Id": str(n), "MessageBody": f"m{n}"} for n in range(3)]
    assert len(sqs.send_message_batch(QueueUrl=url, Entries=entries)["Successful"]) == 3
    bodies = set()
    while len(bodies) < 4:
        for message in sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]:
            bodies.add(message["Body"])
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    assert bodies == {"héllo <&>", "m0", "m1", "m2"}
    left = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"])
    assert left["Attributes"]["ApproximateNumberOfMessages"] == "0"
    with pytest.raises(sqs.exceptions.QueueDoesNotExist):
        sqs.get_queue_url(QueueName="other")


def test_sns_delivers_to_sqs(aws):
    sns, sqs = aws("sns"), aws("sqs")
    topic = sns.create_topic(Name="news")["TopicArn"]
    queue = sqs.create_queue(QueueName="reader")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn["Attributes"]["QueueArn"])
    sns.publish(TopicArn=topic, Subject="s", Message="a message")
    (got,) = sqs.receive_message(QueueUrl=queue)["Messages"]
    told = json.loads(got["Body"])
    assert (told["Subject"], told["Message"], told["TopicArn"]) == ("s", "a message", topic)
    assert len(sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]) == 1


@pytest.fixture
def table(aws):
    dynamo = aws("dynamodb")
    dynamo.create_table(
        TableName="people",
        KeySchema=[
            {"AttributeName": "clan", "KeyType": "HASH"},
            {"AttributeName": "name", "KeyType": "RANGE"},
        ],
        AttributeDefinitions=[
            {"AttributeName": "clan", "AttributeType": "S"},
            {"AttributeName": "name", "AttributeType": "S"},
        ],
        BillingMode="PAY_PER_REQUEST",
    )
    return dynamo


def person(clan, name, **more):
    return {"clan": {"S": clan}, "name": {"S": name}, **more}


def test_dynamodb_items(table):
    table.put_item(TableName="people", Item=person("Ash", "Ann", age={"N": "40"}))
    key = person("Ash", "Ann")
    assert table.get_item(TableName="people", Key=key)["Item"]["age"] == {"N": "40"}
    changed = table.update_item(
        TableName="people",
        Key=key,
        UpdateExpression="SET age = age + :n",
        ExpressionAttributeValues={":n": {"N": "1"}},
        ReturnValues="UPDATED_NEW",
    )
    assert changed["Attributes"] == {"age": {"N": "41"}}
    table.delete_item(TableName="people", Key=key)
    assert "Item" not in table.get_item(TableName="people", Key=key)


def test_dynamodb_queries(table):
    names = [("Ash", "Ann"), ("Ash", "Bob"), ("Elm", "Cid")]
    table.batch_write_item(
        RequestItems={"people": [{"PutRequest": {"Item": person(*pair)}} for pair in names]}
    )
    found = table.query(
        TableName="people",
        KeyConditionExpression="clan = :f AND begins_with(#n, :b)",
        ExpressionAttributeNames={"#n": "name"},
        ExpressionAttributeValues={":f": {"S": "Ash"}, ":b": {"S": "B"}},
    )
    assert found["Items"] == [person("Ash", "Bob")]
    assert table.scan(TableName="people")["Count"] == 3


def test_dynamodb_conditions(table):
    table.put_item(TableName="people", Item=person("Ash", "Ann"))
    with pytest.raises(table.exceptions.ConditionalCheckFailedException):
        table.put_item(
            TableName="people",
            Item=person("Ash", "Ann"),
            ConditionExpression="attribute_not_exists(clan)",
        )
    with pytest.raises(table.exceptions.ResourceNotFoundException):
        table.get_item(TableName="nobody", Key=person("Ash", "Ann"))


def test_sts(aws):
    sts = aws("sts")
    assert sts.get_caller_identity()["Account"] == "123456789012"
    role = "arn:aws:iam::123456789012:role/reader"
    taken = sts.assume_role(RoleArn=role, RoleSessionName="me")
    assert taken["AssumedRoleUser"]["Arn"].endswith("assumed-role/reader/me")
    assert taken["Credentials"]["SessionToken"]


def test_the_pages_of_the_server_itself(endpoint):
    assert "<html" in requests.get(f"{endpoint}/moto-api/", timeout=30).text
    data = requests.get(f"{endpoint}/moto-api/data.json", timeout=30)
    assert isinstance(data.json(), dict)


def test_cors(endpoint, s3):
    asked = requests.options(
        f"{endpoint}/box",
        headers={"Origin": "http://else.where", "Access-Control-Request-Method": "PUT"},
        timeout=30,
    )
    assert asked.status_code == 200
    assert "PUT" in asked.headers["Access-Control-Allow-Methods"]
