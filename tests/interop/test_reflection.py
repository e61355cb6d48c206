"""A client that knows no .proto file, as grpcurl is one: it asks the server for its descriptors, makes messages of them with
protobuf's own library, and calls.

    test_reflection.py PRISMD_ECHO
"""
import sys
import unittest

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

from server import Server
from wire import fields, text

V1, ALPHA = (f'grpc.reflection.{version}.ServerReflection' for version in ('v1', 'v1alpha'))
FILE_BY_NAME, FILE_WITH_SYMBOL = 3, 4
FILES = 4  # of an answer


class Client:
    def __init__(self, channel, reflection=V1):
        self.channel = channel
        self.ask_raw = channel.stream_stream(f'/{reflection}/ServerReflectionInfo')
        self.pool = descriptor_pool.DescriptorPool()
        self.known = set()
        self.learn(V1)
        self.question = self.message('grpc.reflection.v1.ServerReflectionRequest')
        self.answer = self.message('grpc.reflection.v1.ServerReflectionResponse')

    def learn(self, symbol):
        """Adds the files of a symbol's, imported ones first; their names as they came."""
        (raw,) = self.ask_raw(iter([text(FILE_WITH_SYMBOL, symbol.encode())]), timeout=20)
        files = [descriptor_pb2.FileDescriptorProto.FromString(data) for _, data in fields(dict(fields(raw))[FILES])]
        for file in reversed(files):
            if file.name not in self.known:
                self.pool.Add(file)
                self.known.add(file.name)
        return [file.name for file in files]

    def message(self, name):
        return message_factory.MessageFactory(self.pool).GetPrototype(self.pool.FindMessageTypeByName(name))

    def ask(self, **what):
        (raw,) = self.ask_raw(iter([self.question(**what).SerializeToString()]), timeout=20)
        return self.answer.FromString(raw)


class ReflectionTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server(sys.argv[1])
        cls.channel = grpc.insecure_channel(cls.server.address)

    @classmethod
    def tearDownClass(cls):
        cls.channel.close()
        cls.server.stop()

    def test_a_call_from_nothing(self):
        for version in V1, ALPHA:
            client = Client(self.channel, version)
            client.learn('prism.test.v1.EchoService')
            method = client.pool.FindServiceByName('prism.test.v1.EchoService').FindMethodByName('Echo')
            request = client.message(method.input_type.full_name)(data=b'hello')
            call = self.channel.unary_unary('/prism.test.v1.EchoService/Echo')
            answer = client.message(method.output_type.full_name).FromString(call(request.SerializeToString(), timeout=20))
            self.assertEqual(answer.data, b'hello')

    def test_services(self):
        names = [one.name for one in Client(self.channel).ask(list_services='*').list_services_response.service]
        self.assertEqual(sorted(names), sorted(['prism.test.v1.EchoService', 'grpc.testing.TestService', V1, ALPHA]))

    def test_every_kind_of_symbol(self):
        client = Client(self.channel)
        for symbol in ('prism.test.v1.EchoService.Echo', 'prism.test.v1.EchoMessage', 'prism.test.v1.EchoMessage.data',
                       'prism.MethodOptions', 'prism.Role', 'prism.VIEWER', 'prism.method', 'prism.FieldOptions.has_max',
                       'google.protobuf.FieldDescriptorProto.Type', 'google.protobuf.FieldDescriptorProto.TYPE_BYTES',
                       'google.protobuf.DescriptorProto.ExtensionRange.start'):
            files = client.ask(file_containing_symbol=symbol).file_descriptor_response.file_descriptor_proto
            self.assertGreater(len(files), 0, symbol)

    def test_files_come_with_what_they_import_alone(self):
        client = Client(self.channel)
        self.assertEqual(client.learn('prism.Role'), ['prism/options.proto', 'google/protobuf/descriptor.proto'])
        answer = client.ask(file_by_filename='google/protobuf/descriptor.proto')
        (file,) = answer.file_descriptor_response.file_descriptor_proto
        self.assertEqual(descriptor_pb2.FileDescriptorProto.FromString(file).package, 'google.protobuf')

    def test_extensions(self):
        client = Client(self.channel)
        options = 'google.protobuf.MethodOptions'
        numbers = client.ask(all_extension_numbers_of_type=options).all_extension_numbers_response
        self.assertEqual((numbers.base_type_name, list(numbers.extension_number)), (options, [50717]))
        asked = {'containing_type': options, 'extension_number': 50717}
        files = client.ask(file_containing_extension=asked).file_descriptor_response.file_descriptor_proto
        self.assertEqual(descriptor_pb2.FileDescriptorProto.FromString(files[0]).name, 'prism/options.proto')

    def test_what_is_not_there_is_an_answer(self):
        client = Client(self.channel)
        not_found = grpc.StatusCode.NOT_FOUND.value[0]
        questions = [{'file_containing_symbol': 'prism.test.v1.Nothing'}, {'file_containing_symbol': ''},
                     {'file_containing_symbol': 'prism.test.v1'}, {'file_containing_symbol': 'prism.test.v1.EchoMessage.'},
                     {'file_by_filename': 'echo.prot'}, {'all_extension_numbers_of_type': 'prism.Role'},
                     {'file_containing_extension': {'containing_type': 'google.protobuf.MethodOptions', 'extension_number': 0}}, {}]
        raw = self.channel.stream_stream(f'/{V1}/ServerReflectionInfo')(
            iter([client.question(**one).SerializeToString() for one in questions]), timeout=20)
        answers = [client.answer.FromString(one) for one in raw]
        self.assertEqual(len(answers), len(questions))
        for one, answer in zip(questions, answers):
            self.assertEqual(answer.error_response.error_code, not_found, one)
            self.assertEqual(answer.original_request, client.question(**one))


if __name__ == '__main__':
    unittest.main(argv=sys.argv[:1])
