// gRPC's interoperability cases, what they leave out, and a drain under calls, by @grpc/grpc-js.
//
//     node grpc_js.js PROTO_FOLDER TEST_PROTO_FOLDER ADDRESS AGEING_ADDRESS
//
// The server at AGEING_ADDRESS sends every connection away (GOAWAY) after a moment. Names of the cases:
// https://github.com/grpc/grpc/blob/master/doc/interop-test-descriptions.md
'use strict';
const assert = require('assert');
const test = require('node:test');
const grpc = require('@grpc/grpc-js');
const loader = require('@grpc/proto-loader');

const [protos, testProtos, address, ageing] = process.argv.slice(2);
const definition = loader.loadSync(['interop.proto', 'echo.proto'], { includeDirs: [testProtos, protos], longs: String, defaults: true });
const { TestService, UnimplementedService } = (() => {
  const { TestService } = grpc.loadPackageDefinition(definition).grpc.testing;
  const method = { ...TestService.service.UnimplementedCall, path: '/grpc.testing.UnimplementedService/UnimplementedCall' };
  return { TestService, UnimplementedService: grpc.makeGenericClientConstructor({ UnimplementedCall: method }, 'Unimplemented') };
})();
const { EchoService } = grpc.loadPackageDefinition(definition).prism.test.v1;

const SIZES = [27182, 8, 1828, 45904], ANSWERS = [31415, 9, 2653, 58979];
const soon = () => ({ deadline: Date.now() + 60000 });
const clients = [];
const connect = (Service, to = address, options = {}) => {
  const client = new Service(to, grpc.credentials.createInsecure(), options);
  clients.push(client);
  return client;
};
const service = connect(TestService), echo = connect(EchoService);
test.after(() => clients.forEach((client) => client.close()));

// A unary call, or a stream of requests, to its end: {response, error, header, trailer}.
const ask = (start) => new Promise((resolve) => {
  const told = {};
  const call = start((error, response) => Object.assign(told, { error, response }));
  call.on('metadata', (header) => { told.header = header; });
  call.on('status', (status) => { setImmediate(() => resolve({ ...told, status, trailer: status.metadata })); });
});
// A stream of answers to its end: {answers, status, header}.
const drink = (call, each = () => {}) => new Promise((resolve) => {
  const answers = [];
  let header;
  call.on('metadata', (metadata) => { header = metadata; });
  call.on('data', (answer) => { answers.push(answer); each(answers.length); });
  call.on('error', () => {});
  call.on('status', (status) => setImmediate(() => resolve({ answers, status, header })));
});
const body = (size, value = 0) => ({ body: Buffer.alloc(size, value) });
const good = ({ error, response }) => { assert.ifError(error); return response; };

test('empty_unary', async () => {
  assert.deepStrictEqual({ ...good(await ask((done) => service.emptyCall({}, soon(), done))) }, {});
});

test('large_unary', async () => {
  const request = { responseSize: 314159, payload: body(271828) };
  const answer = good(await ask((done) => service.unaryCall(request, soon(), done)));
  assert.deepStrictEqual(answer.payload.body, Buffer.alloc(314159));
});

test('client_streaming', async () => {
  const told = await ask((done) => {
    const call = service.streamingInputCall(soon(), done);
    SIZES.forEach((size) => call.write({ payload: body(size) }));
    call.end();
    return call;
  });
  assert.strictEqual(good(told).aggregatedPayloadSize, 74922);
});

test('server_streaming', async () => {
  const request = { responseParameters: ANSWERS.map((size) => ({ size })) };
  const { answers, status } = await drink(service.streamingOutputCall(request, soon()));
  assert.deepStrictEqual(answers.map((answer) => answer.payload.body.length), ANSWERS);
  assert.strictEqual(status.code, grpc.status.OK);
});

test('ping_pong', async () => {
  const call = service.fullDuplexCall(soon());
  const write = (i) => call.write({ responseParameters: [{ size: ANSWERS[i] }], payload: body(SIZES[i]) });
  write(0);
  const { answers, status } = await drink(call, (count) => { if (count < SIZES.length) write(count); else call.end(); });
  assert.deepStrictEqual(answers.map((answer) => answer.payload.body.length), ANSWERS);
  assert.strictEqual(status.code, grpc.status.OK);
});

test('empty_stream', async () => {
  const call = service.fullDuplexCall(soon());
  call.end();
  const { answers, status } = await drink(call);
  assert.deepStrictEqual([answers.length, status.code], [0, grpc.status.OK]);
});

test('cancel_after_begin', async () => {
  const told = await ask((done) => {
    const call = service.streamingInputCall(soon(), done);
    setImmediate(() => call.cancel());
    return call;
  });
  assert.strictEqual(told.error.code, grpc.status.CANCELLED);
});

test('cancel_after_first_response', async () => {
  const call = service.fullDuplexCall(soon());
  call.write({ responseParameters: [{ size: ANSWERS[0] }], payload: body(SIZES[0]) });
  const { answers, status } = await drink(call, () => call.cancel());
  assert.deepStrictEqual([answers.length, status.code], [1, grpc.status.CANCELLED]);
});

test('timeout_on_sleeping_server', async () => {
  const call = service.fullDuplexCall({ deadline: Date.now() + 100 });
  call.write({ payload: body(27182) });
  assert.strictEqual((await drink(call)).status.code, grpc.status.DEADLINE_EXCEEDED);
});

test('custom_metadata', async () => {
  const metadata = new grpc.Metadata();
  metadata.set('x-grpc-test-echo-initial', 'test_initial_metadata_value');
  metadata.set('x-grpc-test-echo-trailing-bin', Buffer.from('ababab', 'hex'));
  const call = service.fullDuplexCall(metadata, soon());
  call.end({ responseParameters: [{ size: 314159 }], payload: body(271828) });
  const drunk = drink(call);
  const unary = await ask((done) => service.unaryCall({ responseSize: 314159, payload: body(271828) }, metadata, soon(), done));
  const stream = await drunk;
  for (const [header, trailer] of [[stream.header, stream.status.metadata], [unary.header, unary.trailer]]) {
    assert.deepStrictEqual(header.get('x-grpc-test-echo-initial'), ['test_initial_metadata_value']);
    assert.deepStrictEqual(trailer.get('x-grpc-test-echo-trailing-bin'), [Buffer.from('ababab', 'hex')]);
  }
});

test('status_code_and_message', async () => {
  const responseStatus = { code: grpc.status.UNKNOWN, message: 'test status message' };
  const call = service.fullDuplexCall(soon());
  call.end({ responseStatus });
  const drunk = drink(call);
  const { error } = await ask((done) => service.unaryCall({ responseStatus }, soon(), done));
  for (const { code, details } of [error, (await drunk).status]) {
    assert.deepStrictEqual([code, details], [grpc.status.UNKNOWN, 'test status message']);
  }
});

test('special_status_message', async () => {
  const message = '\t\ntest with whitespace\r\nand Unicode BMP ☺ and non-BMP 😈\t\n';
  const { error } = await ask((done) => service.unaryCall({ responseStatus: { code: 2, message } }, soon(), done));
  assert.deepStrictEqual([error.code, error.details], [grpc.status.UNKNOWN, message]);
});

test('status details', async () => {
  const { error } = await ask((done) => echo.fail({ code: 9, message: 'why', details: 3 }, soon(), done));
  const [details] = error.metadata.get('grpc-status-details-bin');
  assert.deepStrictEqual([error.code, error.details], [grpc.status.FAILED_PRECONDITION, 'why']);
  assert.deepStrictEqual([...details.subarray(0, 7)], [0x08, 9, 0x12, 3, ...Buffer.from('why')]);
  assert.ok(details.length > 3000);
});

test('unimplemented_method and unimplemented_service', async () => {
  const method = await ask((done) => service.unimplementedCall({}, soon(), done));
  const nowhere = await ask((done) => connect(UnimplementedService).UnimplementedCall({}, soon(), done));
  assert.deepStrictEqual([method.error.code, nowhere.error.code], [grpc.status.UNIMPLEMENTED, grpc.status.UNIMPLEMENTED]);
});

test('gzip both ways', async () => {
  const gzip = connect(EchoService, address, { 'grpc.default_compression_algorithm': grpc.compressionAlgorithms.gzip });
  for (const size of [0, 10, 100000, 4000000]) {
    const { data } = good(await ask((done) => gzip.echo({ data: Buffer.alloc(size, 'z') }, soon(), done)));
    assert.deepStrictEqual(data, Buffer.alloc(size, 'z'));
  }
});

test('messages larger than the window', async () => {
  const call = echo.chat(soon());
  const sent = [1, 2, 3].map((value) => Buffer.alloc(4000000, value));
  sent.forEach((data) => call.write({ data }));
  call.end();
  const { answers, status } = await drink(call);
  assert.strictEqual(status.code, grpc.status.OK);
  answers.forEach(({ data }, i) => assert.ok(data.equals(sent[i])));
  assert.strictEqual(answers.length, sent.length);
});

test('no call fails where every connection is sent away', async () => {
  const client = connect(EchoService, ageing);
  let failed = 0;
  const caller = async () => {
    for (let i = 0; i < 200; i++) {
      const { error } = await ask((done) => client.wait({ ms: 1 }, soon(), done));
      failed += error ? 1 : 0;
    }
  };
  await Promise.all(Array.from({ length: 10 }, caller));
  assert.strictEqual(failed, 0);
  const { accepted } = good(await ask((done) => client.count({}, soon(), done)));
  assert.ok(accepted > 1, `${accepted} connections`);
});
