#!/usr/bin/env node
// Reads one story with gRPC: get_story.js [ORGANIZATION [KEY]]. PRISM_ADDRESS, PRISM_KEY_FILE and PRISM_ACTOR say where, with
// which key, and for whom. `npm install` first. PRISM_PROTO: the folder with prism/v1/story.proto.
'use strict';
const fs = require('fs');
const path = require('path');
const grpc = require('@grpc/grpc-js');
const loader = require('@grpc/proto-loader');

const { PRISM_ADDRESS = '127.0.0.1:7400', PRISM_KEY_FILE, PRISM_ACTOR, PRISM_PROTO } = process.env;
const [organization = '1', key = 'DEMO-3'] = process.argv.slice(2);

const definition = loader.loadSync('prism/v1/story.proto', {
  includeDirs: [PRISM_PROTO || path.join(__dirname, '../../proto')],
  longs: String, // 64-bit integers do not fit into JavaScript's numbers
});
const { StoryService } = grpc.loadPackageDefinition(definition).prism.v1;
const client = new StoryService(PRISM_ADDRESS, grpc.credentials.createInsecure());

const metadata = new grpc.Metadata();
metadata.set('authorization', `Bearer ${fs.readFileSync(PRISM_KEY_FILE, 'ascii').trim()}`);
if (PRISM_ACTOR) metadata.set('x-prism-actor', PRISM_ACTOR);

const options = { deadline: Date.now() + 5000 };
client.getStory({ organizationId: organization, key }, metadata, options, (error, story) => {
  if (error) {
    console.error(`${grpc.status[error.code]}: ${error.details}`);
    process.exitCode = 1;
  } else {
    console.log(story.key, story.title);
  }
  client.close();
});
