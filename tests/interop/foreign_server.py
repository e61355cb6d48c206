"""A server of gRPC that nobody here wrote (grpcio), with a service that prismctl does not know, and reflection: v1alpha alone,
and each answer has one file, so that imports are asked for. It prints its address; SIGTERM ends it.

    foreign_server.py [--compress]
"""
import concurrent.futures
import signal
import sys
import threading

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, timestamp_pb2

from wire import fields, text

FIELD = descriptor_pb2.FieldDescriptorProto
SHOP, PARTS = 'foreign.v1.Shop', 'parts.proto'
REFLECTION = 'grpc.reflection.v1alpha.ServerReflection'
FILE_BY_NAME, FILE_WITH_SYMBOL, LIST_SERVICES = 3, 4, 7
FILES, SERVICES, ERROR = 4, 6, 7


def field(name, number, kind, type_name=None, **more):
    return FIELD(name=name, number=number, type=kind, type_name=type_name, label=more.pop('label', FIELD.LABEL_OPTIONAL), **more)


def parts_file():
    color = descriptor_pb2.EnumDescriptorProto(name='Color')
    for number, name in enumerate(('ANY', 'RED', 'BLUE')):
        color.value.add(name=name, number=number)
    part = descriptor_pb2.DescriptorProto(name='Part', field=[
        field('weight_g', 1, FIELD.TYPE_DOUBLE), field('color', 2, FIELD.TYPE_ENUM, '.foreign.parts.Color')])
    return descriptor_pb2.FileDescriptorProto(
        name=PARTS, package='foreign.parts', syntax='proto3', enum_type=[color], message_type=[part])


def shop_file():
    entry = descriptor_pb2.DescriptorProto(name='StockEntry', field=[
        field('key', 1, FIELD.TYPE_STRING), field('value', 2, FIELD.TYPE_INT64)])
    entry.options.map_entry = True
    item = descriptor_pb2.DescriptorProto(name='Item', nested_type=[entry], field=[
        field('name', 1, FIELD.TYPE_STRING), field('made_at', 2, FIELD.TYPE_MESSAGE, '.google.protobuf.Timestamp'),
        field('parts', 3, FIELD.TYPE_MESSAGE, '.foreign.parts.Part', label=FIELD.LABEL_REPEATED),
        field('stock', 4, FIELD.TYPE_MESSAGE, '.foreign.v1.Item.StockEntry', label=FIELD.LABEL_REPEATED),
        field('shelf', 5, FIELD.TYPE_SINT32, oneof_index=0), field('street', 6, FIELD.TYPE_STRING, oneof_index=0)])
    item.oneof_decl.add(name='where')
    shop = descriptor_pb2.ServiceDescriptorProto(name='Shop')
    for name, takes, gives in (('Echo', False, False), ('Each', True, True), ('Split', False, True), ('Last', True, False)):
        shop.method.add(name=name, input_type='.foreign.v1.Item', output_type='.foreign.v1.Item',
                        client_streaming=takes, server_streaming=gives)
    return descriptor_pb2.FileDescriptorProto(
        name='shop.proto', package='foreign.v1', syntax='proto3', service=[shop], message_type=[item],
        dependency=['google/protobuf/timestamp.proto', PARTS])


class Reflection:
    """The protocol's server, on the wire's bytes."""

    def __init__(self):
        timestamp = descriptor_pb2.FileDescriptorProto()
        timestamp_pb2.DESCRIPTOR.CopyToProto(timestamp)
        self.files = {file.name: file for file in (timestamp, parts_file(), shop_file())}

    def answer(self, question):
        kind, value = fields(question)[-1]
        if kind == LIST_SERVICES:
            return text(SERVICES, text(1, text(1, SHOP.encode())) + text(1, text(1, REFLECTION.encode())))
        name = {SHOP: 'shop.proto'}.get(value.decode()) if kind == FILE_WITH_SYMBOL else value.decode()
        if name not in self.files:
            return text(ERROR, b'\x08\x05' + text(2, b'not here'))
        return text(FILES, text(1, self.files[name].SerializeToString()))

    def info(self, questions, _context):
        return map(self.answer, questions)


def split(request, _context, item):
    """One answer for each part."""
    for part in item.FromString(request).parts:
        yield item(parts=[part]).SerializeToString()


def main():
    reflection = Reflection()
    pool = descriptor_pool.DescriptorPool()
    for file in reflection.files.values():
        pool.Add(file)
    item = message_factory.MessageFactory(pool).GetPrototype(pool.FindMessageTypeByName('foreign.v1.Item'))
    compression = grpc.Compression.Gzip if '--compress' in sys.argv else None
    server = grpc.server(concurrent.futures.ThreadPoolExecutor(8), compression=compression)
    server.add_generic_rpc_handlers((
        grpc.method_handlers_generic_handler(SHOP, {
            'Echo': grpc.unary_unary_rpc_method_handler(lambda request, _: item.FromString(request).SerializeToString()),
            'Each': grpc.stream_stream_rpc_method_handler(lambda requests, _: requests),
            'Split': grpc.unary_stream_rpc_method_handler(lambda request, context: split(request, context, item)),
            'Last': grpc.stream_unary_rpc_method_handler(lambda requests, _: list(requests)[-1]),
        }),
        grpc.method_handlers_generic_handler(REFLECTION, {
            'ServerReflectionInfo': grpc.stream_stream_rpc_method_handler(reflection.info)}),
    ))
    port = server.add_insecure_port('127.0.0.1:0')
    server.start()
    told = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: told.set())
    print(f'foreign ready 127.0.0.1:{port}', flush=True)
    told.wait()
    server.stop(None).wait()


if __name__ == '__main__':
    main()
