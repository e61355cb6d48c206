// Calls the services by Connect's own client: a line of JSON for each, {method, request, fields}, and a line for its answer: {answer}, or
// {code, message, details: [{type, value}]} with the values in base64. A stream is cancelled after its first answer.
//
//     node connect_node.js DESCRIPTORS ADDRESS connect|json|grpc|grpcweb
'use strict';
const fs = require('fs');
const readline = require('readline');
const { createFileRegistry, fromBinary, fromJson, toJson } = require('@bufbuild/protobuf');
const { FileDescriptorSetSchema } = require('@bufbuild/protobuf/wkt');
const { Code, ConnectError, createClient } = require('@connectrpc/connect');
const { createConnectTransport, createGrpcTransport, createGrpcWebTransport } = require('@connectrpc/connect-node');

const [descriptors, address, protocol] = process.argv.slice(2);
const registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, fs.readFileSync(descriptors)));
const create = { grpc: createGrpcTransport, grpcweb: createGrpcWebTransport }[protocol] ?? createConnectTransport;
const transport = create({ baseUrl: `http://${address}`, httpVersion: '2', useBinaryFormat: protocol !== 'json' });

const NAMES = Object.fromEntries(Object.entries(Code).filter(([name]) => Number.isNaN(Number(name))).map(([name, code]) => [code,
  code === Code.Canceled ? 'CANCELLED' : name.replace(/(?<=.)([A-Z])/g, '_$1').toUpperCase()]));

const answerOf = async (call, streams) => {
  if (!streams) return call;
  for await (const answer of call) return answer;
  throw new Error('a stream without an answer');
};

const converse = async ({ method, request, fields }) => {
  const [service, name] = method.split('/');
  const called = registry.getService(service).methods.find((one) => one.name === name);
  const call = createClient(registry.getService(service), transport)[called.localName];
  const options = { headers: fields, timeoutMs: 60000 };
  try {
    const answer = await answerOf(call(fromJson(called.input, request, { registry }), options), called.methodKind === 'server_streaming');
    return { answer: toJson(called.output, answer, { registry }) };
  } catch (failure) {
    const { code, rawMessage, details } = ConnectError.from(failure);
    return { code: NAMES[code], message: rawMessage, details: details.map(({ type, value }) => ({ type, value: Buffer.from(value).toString('base64') })) };
  }
};

(async () => {
  for await (const line of readline.createInterface({ input: process.stdin })) console.log(JSON.stringify(await converse(JSON.parse(line))));
  process.exit(0);
})();
