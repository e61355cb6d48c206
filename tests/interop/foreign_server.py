"""A server of gRPC that nobody here wrote (grpcio), with a service that prismctl does not know, and reflection: v1alpha alone,
and each answer has one file, so that imports are asked for. It prints its address; SIGTERM ends it.

    foreign_server.py [--compress]
"""
import concurrent.futures
import signal
import sys
import threading

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, json_format, message_factory, struct_pb2, timestamp_pb2

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


def map_entry(message, name, key, value, type_name=None):
    entry = message.nested_type.add(name=name, field=[field('key', 1, key), field('value', 2, value, type_name)])
    entry.options.map_entry = True


def wide_file():
    """A message of 300 fields, with maps, itself, optional fields, an enum with two names for a number, and a name of its own in JSON."""
    wide = descriptor_pb2.DescriptorProto(name='Wide', field=[field(f'number_{n}', n, FIELD.TYPE_INT32) for n in range(1, 288)])
    map_entry(wide, 'TextsEntry', FIELD.TYPE_STRING, FIELD.TYPE_STRING)
    map_entry(wide, 'CountsEntry', FIELD.TYPE_SINT64, FIELD.TYPE_UINT64)
    map_entry(wide, 'KnownEntry', FIELD.TYPE_BOOL, FIELD.TYPE_MESSAGE, '.google.protobuf.Timestamp')
    map_entry(wide, 'WidesEntry', FIELD.TYPE_INT32, FIELD.TYPE_MESSAGE, '.foreign.wide.Wide')
    map_entry(wide, 'FlavorsEntry', FIELD.TYPE_FIXED32, FIELD.TYPE_ENUM, '.foreign.wide.Wide.Flavor')
    for number, name in enumerate(('texts', 'counts', 'known', 'wides', 'flavors'), 301):
        wide.field.append(field(name, number, FIELD.TYPE_MESSAGE, f'.foreign.wide.Wide.{name.title()}Entry', label=FIELD.LABEL_REPEATED))
    flavor = wide.enum_type.add(name='Flavor')
    flavor.options.allow_alias = True
    for name, number in (('PLAIN', 0), ('SWEET', 1), ('SUGARY', 1), ('SOUR', -1)):
        flavor.value.add(name=name, number=number)
    wide.field.extend([
        field('flavor', 306, FIELD.TYPE_ENUM, '.foreign.wide.Wide.Flavor'), field('wide', 307, FIELD.TYPE_MESSAGE, '.foreign.wide.Wide'),
        field('maybe', 308, FIELD.TYPE_INT32, proto3_optional=True, oneof_index=0), field('named', 309, FIELD.TYPE_STRING, json_name='@other'),
        field('ratio', 310, FIELD.TYPE_FLOAT), field('object', 311, FIELD.TYPE_MESSAGE, '.google.protobuf.Struct'),
        field('anything', 312, FIELD.TYPE_MESSAGE, '.google.protobuf.Value'), field('list', 313, FIELD.TYPE_MESSAGE, '.google.protobuf.ListValue')])
    wide.oneof_decl.add(name='_maybe')
    return descriptor_pb2.FileDescriptorProto(
        name='wide.proto', package='foreign.wide', syntax='proto3', message_type=[wide],
        dependency=['google/protobuf/timestamp.proto', 'google/protobuf/struct.proto'])


def old_file():
    """proto2, with an extension."""
    old = descriptor_pb2.DescriptorProto(name='Old', field=[
        field('count', 1, FIELD.TYPE_INT32), field('needed', 2, FIELD.TYPE_STRING, label=FIELD.LABEL_REQUIRED)])
    old.extension_range.add(start=100, end=200)
    note = field('note', 100, FIELD.TYPE_STRING)
    note.extendee = '.foreign.old.Old'
    return descriptor_pb2.FileDescriptorProto(name='old.proto', package='foreign.old', message_type=[old], extension=[note])


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
    for name, takes, gives in (('Wide', 'wide.Wide', 'wide.Wide'), ('Tell', 'wide.Wide', 'v1.Item'), ('Old', 'old.Old', 'old.Old')):
        shop.method.add(name=name, input_type=f'.foreign.{takes}', output_type=f'.foreign.{gives}')
    return descriptor_pb2.FileDescriptorProto(
        name='shop.proto', package='foreign.v1', syntax='proto3', service=[shop], message_type=[item],
        dependency=['google/protobuf/timestamp.proto', PARTS, 'wide.proto', 'old.proto'])


class Reflection:
    """The protocol's server, on the wire's bytes."""

    def __init__(self):
        known = [descriptor_pb2.FileDescriptorProto.FromString(module.DESCRIPTOR.serialized_pb) for module in (timestamp_pb2, struct_pb2)]
        self.files = {file.name: file for file in (*known, parts_file(), wide_file(), old_file(), shop_file())}

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
    factory = message_factory.MessageFactory(pool)
    item, wide = (factory.GetPrototype(pool.FindMessageTypeByName(name)) for name in ('foreign.v1.Item', 'foreign.wide.Wide'))
    compression = grpc.Compression.Gzip if '--compress' in sys.argv else None
    server = grpc.server(concurrent.futures.ThreadPoolExecutor(8), compression=compression)
    server.add_generic_rpc_handlers((
        grpc.method_handlers_generic_handler(SHOP, {
            'Echo': grpc.unary_unary_rpc_method_handler(lambda request, _: item.FromString(request).SerializeToString()),
            'Each': grpc.stream_stream_rpc_method_handler(lambda requests, _: requests),
            'Split': grpc.unary_stream_rpc_method_handler(lambda request, context: split(request, context, item)),
            'Wide': grpc.unary_unary_rpc_method_handler(lambda request, _: wide.FromString(request).SerializeToString()),
            'Tell': grpc.unary_unary_rpc_method_handler(
                lambda request, _: item(name=json_format.MessageToJson(wide.FromString(request))).SerializeToString()),
            'Old': grpc.unary_unary_rpc_method_handler(lambda request, _: request + text(100, b'an extension')),
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
