// Connect's own client for Node, over its three protocols, in protobuf and in JSON, plain and with gzip.
//
//     node connect_node.js DESCRIPTORS ADDRESS
//
// DESCRIPTORS: a FileDescriptorSet of echo.proto and interop.proto.
'use strict';
const assert = require('assert');
const fs = require('fs');
const test = require('node:test');
const { create, createFileRegistry, fromBinary } = require('@bufbuild/protobuf');
const { FileDescriptorSetSchema } = require('@bufbuild/protobuf/wkt');
const { Code, ConnectError, createClient } = require('@connectrpc/connect');
const { compressionGzip, createConnectTransport, createGrpcTransport, createGrpcWebTransport } = require('@connectrpc/connect-node');

const [descriptors, address] = process.argv.slice(2);
const registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, fs.readFileSync(descriptors)));
const EchoService = registry.getService('prism.test.v1.EchoService'), TestService = registry.getService('grpc.testing.TestService');
const EchoMessage = registry.getMessage('prism.test.v1.EchoMessage');

const gzip = { sendCompression: compressionGzip, acceptCompression: [compressionGzip], compressMinBytes: 1 };
const plain = { acceptCompression: [] };
const ways = Object.entries({
  Connect: createConnectTransport, gRPC: createGrpcTransport, 'gRPC-Web': createGrpcWebTransport,
}).flatMap(([protocol, transport]) => [[protocol, transport, { useBinaryFormat: true }],
  ...(protocol === 'Connect' ? [['Connect in JSON', transport, { useBinaryFormat: false }]] : [])])
  .flatMap(([name, transport, format]) => [[name, transport, { ...format, ...plain }], [`${name} with gzip`, transport, { ...format, ...gzip }]]);

const failure = async (promise) => {
  try {
    await promise;
  } catch (error) {
    return ConnectError.from(error);
  }
  return assert.fail('it did not fail');
};

for (const [name, transport, options] of ways) {
  const carrier = transport({ baseUrl: `http://${address}`, httpVersion: '2', ...options });
  const echo = createClient(EchoService, carrier), service = createClient(TestService, carrier);

  test(`${name}: unary calls`, async () => {
    for (const size of [0, 1, 1000, 100000, 3000000]) {
      const data = Buffer.alloc(size, 'z');
      assert.ok(data.equals((await echo.echo({ data })).data));
    }
    const { payload } = await service.unaryCall({ responseSize: 314159, payload: { body: Buffer.alloc(271828) } });
    assert.strictEqual(payload.body.length, 314159);
  });

  test(`${name}: metadata`, async () => {
    const told = {};
    await service.unaryCall({}, {
      headers: { 'x-grpc-test-echo-initial': 'hello', 'x-grpc-test-echo-trailing-bin': 'q6ur' },
      onHeader: (header) => { told.header = header.get('x-grpc-test-echo-initial'); },
      onTrailer: (trailer) => { told.trailer = trailer.get('x-grpc-test-echo-trailing-bin'); },
    });
    assert.deepStrictEqual(told, { header: 'hello', trailer: 'q6ur' });
  });

  test(`${name}: failures`, async () => {
    const message = '\t\n"quoted" \\ ☺ and 😈\n';
    const failed = await failure(echo.fail({ code: 9, message, details: 3 }));
    assert.deepStrictEqual([failed.code, failed.rawMessage], [Code.FailedPrecondition, message]);
    const details = failed.findDetails(EchoMessage);
    assert.deepStrictEqual(details.map(({ data }) => data.length), Array(3).fill(details[0].data.length));
    assert.ok(details[0].data.length > 900);
    for (let code = 1; code <= 16; code++) assert.strictEqual((await failure(echo.fail({ code }))).code, code);
    assert.strictEqual((await failure(service.unimplementedCall({}))).code, Code.Unimplemented);
    assert.strictEqual((await failure(echo.small({ data: Buffer.alloc(2000) }))).code, Code.ResourceExhausted);
  });

  test(`${name}: deadlines and cancellation`, async () => {
    assert.strictEqual((await failure(echo.wait({ ms: 60000 }, { timeoutMs: 100 }))).code, Code.DeadlineExceeded);
    const stop = new AbortController();
    setTimeout(() => stop.abort(), 50);
    assert.strictEqual((await failure(echo.wait({ ms: 60000 }, { signal: stop.signal }))).code, Code.Canceled);
  });
}
