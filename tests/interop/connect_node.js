// Connect's own client for Node: every kind of call over its three protocols, in protobuf and in JSON, plain and with gzip.
//
//     node connect_node.js DESCRIPTORS ADDRESS
//
// DESCRIPTORS: a FileDescriptorSet of echo.proto and interop.proto.
'use strict';
const assert = require('assert');
const { randomBytes } = require('crypto');
const fs = require('fs');
const test = require('node:test');
const { create, createFileRegistry, fromBinary } = require('@bufbuild/protobuf');
const { FileDescriptorSetSchema } = require('@bufbuild/protobuf/wkt');
const { Code, ConnectError, createClient } = require('@connectrpc/connect');
const {
  compressionGzip, createConnectTransport, createGrpcTransport, createGrpcWebTransport, Http2SessionManager,
} = require('@connectrpc/connect-node');

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

const collect = async (stream, each = () => {}) => {
  const answers = [];
  for await (const answer of stream) each(answers.push(answer));
  return answers;
};
const stream = async function* stream(...messages) { yield* messages; };

for (const [name, transport, options] of ways) {
  // (Node resets streams of its own when what it has not sent yet is more than 10 MB.)
  const sessionManager = new Http2SessionManager(`http://${address}`, undefined, { maxSessionMemory: 1000 });
  test.after(() => sessionManager.abort());
  const carrier = transport({ baseUrl: `http://${address}`, httpVersion: '2', sessionManager, ...options });
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
    const asked = () => ({
      headers: { 'x-grpc-test-echo-initial': 'hello', 'x-grpc-test-echo-trailing-bin': 'q6ur' },
      onHeader: (header) => { told.header = header.get('x-grpc-test-echo-initial'); },
      onTrailer: (trailer) => { told.trailer = trailer.get('x-grpc-test-echo-trailing-bin'); },
    });
    for (const call of [() => service.unaryCall({}, asked()), () => collect(service.fullDuplexCall(stream({}), asked()))]) {
      told.header = told.trailer = undefined;
      await call();
      assert.deepStrictEqual(told, { header: 'hello', trailer: 'q6ur' });
    }
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
    const large = { data: randomBytes(5000000) };
    assert.strictEqual((await failure(echo.echo(large))).code, Code.ResourceExhausted);
    assert.strictEqual((await failure(collect(echo.chat(stream(large, large))))).code, Code.ResourceExhausted);
  });

  test(`${name}: deadlines and cancellation`, async () => {
    const pausing = { count: 2, size: 1, pauseMs: 60000 };
    assert.strictEqual((await failure(echo.wait({ ms: 60000 }, { timeoutMs: 100 }))).code, Code.DeadlineExceeded);
    assert.strictEqual((await failure(collect(echo.expand(pausing, { timeoutMs: 100 })))).code, Code.DeadlineExceeded);
    const stop = new AbortController();
    const failed = await failure(collect(echo.expand(pausing, { signal: stop.signal }), () => stop.abort()));
    assert.strictEqual(failed.code, Code.Canceled);
  });

  test(`${name}: a stream of answers`, async () => {
    const answers = await collect(echo.expand({ count: 20, size: 100000 }));
    assert.deepStrictEqual(answers.map(({ data }) => data.length), Array(20).fill(100000));
    assert.deepStrictEqual(await collect(echo.expand({ count: 0 })), []);
  });

  test(`${name}: a stream of requests`, async () => {
    const sent = [0, 1, 100000, 2].map((size) => ({ data: Buffer.alloc(size, 'z') }));
    const { messages, bytes } = await echo.collect(stream(...sent));
    assert.deepStrictEqual([messages, bytes], [4n, 100003n]);
    assert.strictEqual((await echo.collect(stream())).messages, 0n);
  });

  test(`${name}: both, in turn`, async () => {
    const sizes = [27182, 8, 1828, 45904];
    let answered;
    const questions = async function* questions() {
      for (const size of sizes) {
        const answer = new Promise((resolve) => { answered = resolve; });
        yield { data: Buffer.alloc(size, 'a') };
        await answer;
      }
    };
    const answers = await collect(echo.chat(questions()), () => answered());
    assert.deepStrictEqual(answers.map(({ data }) => data.length), sizes);
  });

  test(`${name}: messages larger than the window`, async () => {
    const sent = [1, 2, 3].map((value) => ({ data: Buffer.alloc(3000000, value) }));
    const answers = await collect(echo.chat(stream(...sent)));
    assert.strictEqual(answers.length, sent.length);
    answers.forEach(({ data }, i) => assert.ok(sent[i].data.equals(data)));
  });

  test(`${name}: a failure behind answers`, async () => {
    let count = 0;
    const failed = await failure(collect(echo.expand({ count: 2, size: 1000, code: 10 }), (so) => { count = so; }));
    assert.deepStrictEqual([count, failed.code, failed.rawMessage], [2, Code.Aborted, 'as you asked']);
  });
}
