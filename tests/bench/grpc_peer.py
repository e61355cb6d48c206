"""Servers made with gRPC C++ (Debian's libgrpc++-dev), compiled where they are needed."""
import os

from machine import run
from server import HERE

ROOT = os.path.normpath(os.path.join(HERE, '..', '..'))


def build_peer(programs, name, protos, packages=()):
    """Compiles tests/bench/NAME.cc, once; its path."""
    folder = os.path.join(programs.build, 'bench', f'{name}.build')
    peer, source = programs.bench(name), os.path.join(HERE, f'{name}.cc')
    if os.path.exists(peer) and os.path.getmtime(peer) > os.path.getmtime(source):
        return peer
    os.makedirs(folder, exist_ok=True)
    plugin = run(['sh', '-c', 'command -v grpc_cpp_plugin']).strip()
    run(['protoc', '-I', os.path.join(ROOT, 'tests', 'talk'), '-I', os.path.join(ROOT, 'proto'), f'--cpp_out={folder}',
         f'--grpc_out={folder}', f'--plugin=protoc-gen-grpc={plugin}', *protos])
    generated = [os.path.join(folder, proto.replace('.proto', ending)) for proto in protos for ending in ('.pb.cc', '.grpc.pb.cc')]
    flags = run(['pkg-config', '--cflags', '--libs', 'grpc++', 'protobuf', *packages]).split()
    run(['g++', '-std=c++17', '-O2', '-o', peer, source, *generated, '-I', folder, *flags])
    return peer
