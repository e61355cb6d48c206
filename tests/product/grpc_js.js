// Calls the services by @grpc/grpc-js: a line of JSON for each, {method, request, fields}, and a line for its answer:
// {answer}, or {code, message, status} with google.rpc.Status in base64. A stream is cancelled after its first answer.
//
//     node grpc_js.js PROTO_FOLDER ADDRESS
'use strict';
const fs = require('fs');
const path = require('path');
const readline = require('readline');
const grpc = require('@grpc/grpc-js');
const loader = require('@grpc/proto-loader');

const [protos, address] = process.argv.slice(2);
const files = fs.readdirSync(path.join(protos, 'prism', 'v1')).filter((name) => name.endsWith('.proto')).map((name) => `prism/v1/${name}`);
const definition = loader.loadSync([...files, 'grpc/health/v1/health.proto'], { includeDirs: [protos], longs: String, enums: String });

// The two JSON forms that the loader does not know.
const fromJson = (request) => Object.fromEntries(Object.entries(request).map(
  ([name, value]) => [name, name === 'updateMask' ? { paths: value.split(',') } : value]));
const time = ({ seconds, nanos }) => new Date(Number(seconds) * 1000).toISOString().replace('.000Z', '') +
  (nanos ? `.${String(nanos).padStart(9, '0').replace(/(000)+$/, '')}` : '') + 'Z';
const toJson = (value) => {
  if (Array.isArray(value)) return value.map(toJson);
  if (value === null || typeof value !== 'object') return value;
  if ('seconds' in value) return time(value);
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, toJson(one)]));
};

const clients = {};
const clientOf = (service) => (clients[service] ??= new (grpc.makeGenericClientConstructor(definition[service], service))(
  address, grpc.credentials.createInsecure()));

const tell = (error, answer) => {
  const [status] = error ? error.metadata.get('grpc-status-details-bin') : [];
  console.log(JSON.stringify(error ? { code: grpc.status[error.code], message: error.details, status: status?.toString('base64') } :
    { answer: toJson(answer) }));
};

readline.createInterface({ input: process.stdin }).on('line', (line) => {
  const { method, request, fields } = JSON.parse(line);
  const [service, name] = method.split('/');
  const metadata = new grpc.Metadata();
  fields.forEach(([key, value]) => metadata.add(key, value));
  const call = clientOf(service)[name](fromJson(request), metadata, { deadline: Date.now() + 60000 },
    definition[service][name].responseStream ? undefined : tell);
  if (definition[service][name].responseStream) {
    call.once('data', (answer) => { tell(null, answer); call.cancel(); });
    call.on('error', () => {});
  }
}).on('close', () => Object.values(clients).forEach((client) => client.close()));
