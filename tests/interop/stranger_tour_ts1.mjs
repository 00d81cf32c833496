// A client written with the TypeScript SDK 1.x, taking a tour of our server to be recorded.
//
//     stranger_tour_ts1.mjs REVISION -- COMMAND...

import { createRequire } from 'node:module';

import { ANSWERS, tour } from './tour.mjs';

const require = createRequire(new URL('../../.strangers/ts1/', import.meta.url));
const { Client } = require('@modelcontextprotocol/sdk/client/index.js');
const { StdioClientTransport } = require('@modelcontextprotocol/sdk/client/stdio.js');
const { CreateMessageRequestSchema, ElicitRequestSchema, ListRootsRequestSchema } =
  require('@modelcontextprotocol/sdk/types.js');

const revision = process.argv[2];
const [command, ...args] = process.argv.slice(process.argv.indexOf('--') + 1);

// The SDK has no option for the revision that its handshake asks for.
class Asking extends Client {
  request(request, ...rest) {
    if (request.method !== 'initialize') return super.request(request, ...rest);
    const params = { ...request.params, protocolVersion: revision };
    return super.request({ ...request, params }, ...rest);
  }
}

const client = new Asking(
  { name: 'stranger-ts1', version: '1.0.1' },
  { capabilities: { roots: { listChanged: true }, sampling: {}, elicitation: {} } },
);
client.setRequestHandler(ListRootsRequestSchema, async () => ANSWERS.roots);
client.setRequestHandler(CreateMessageRequestSchema, async () => ANSWERS.sampling);
client.setRequestHandler(ElicitRequestSchema, async () => ANSWERS.elicitation);
await client.connect(new StdioClientTransport({ command, args }));
await tour(client, {
  legacy: true,
  call: (name, args, options) => client.callTool({ name, arguments: args }, undefined, options),
});
await client.close();
