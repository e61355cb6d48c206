#!/usr/bin/env python3
"""Reads one story with gRPC: get_story.py [ORGANIZATION [KEY]]. PRISM_ADDRESS, PRISM_KEY_FILE and PRISM_ACTOR say where, with
which key, and for whom.

Needs grpcio and protobuf (Debian: python3-grpcio, python3-protobuf), and the messages, which protoc makes:

    protoc -I ../../proto --python_out=. prism/options.proto prism/v1/story.proto prism/v1/upsert.proto
"""
import os
import sys

import grpc

from prism.v1 import story_pb2


def caller():
    """What every call carries."""
    with open(os.environ['PRISM_KEY_FILE'], encoding='ascii') as file:
        return (('authorization', f'Bearer {file.read().strip()}'), ('x-prism-actor', os.environ.get('PRISM_ACTOR', '')))


def main(organization='1', key='DEMO-3'):
    with grpc.insecure_channel(os.environ.get('PRISM_ADDRESS', '127.0.0.1:7400')) as channel:
        get_story = channel.unary_unary('/prism.v1.StoryService/GetStory', story_pb2.GetStoryRequest.SerializeToString,
                                        story_pb2.Story.FromString)
        request = story_pb2.GetStoryRequest(organization_id=int(organization), key=key)
        try:
            story = get_story(request, metadata=[one for one in caller() if one[1]], timeout=5)
        except grpc.RpcError as error:
            sys.exit(f'{error.code().name}: {error.details()}')
        print(story.key, story.title)


if __name__ == '__main__':
    main(*sys.argv[1:])
