// A stdio server written with the TypeScript SDK 1.x, for our client to use.
//
// With the argument "everything" it offers what a session to be recorded needs besides the tools.

import { createRequire } from 'node:module';

import { listResources, offerEverything, offerTools } from './stranger_tools.mjs';

const require = createRequire(new URL('../../.strangers/ts1/', import.meta.url));
const { McpServer, ResourceTemplate } = require('@modelcontextprotocol/sdk/server/mcp.js');
const { completable } = require('@modelcontextprotocol/sdk/server/completable.js');
const { StdioServerTransport } = require('@modelcontextprotocol/sdk/server/stdio.js');
const { ListResourcesRequestSchema, SubscribeRequestSchema, UnsubscribeRequestSchema } =
  require('@modelcontextprotocol/sdk/types.js');
const { z } = require('zod');

const everything = process.argv.includes('everything');

function capabilities() {
  if (!everything) return { logging: {} };
  return { logging: {}, resources: { subscribe: true, listChanged: true } };
}

const server = new McpServer(
  { name: 'stranger-ts1', version: '1.0.1' },
  { capabilities: capabilities(), instructions: 'Use echo first.' },
);

// The SDK does not keep the revision that was agreed on.
let agreed = '';
const initialize = server.server._oninitialize.bind(server.server);
server.server._oninitialize = async request => {
  const result = await initialize(request);
  agreed = result.protocolVersion;
  return result;
};

async function progress(extra, params) {
  const progressToken = extra._meta?.progressToken;
  if (progressToken === undefined) return;
  await extra.sendNotification({
    method: 'notifications/progress',
    params: { progressToken, ...params },
  });
}

const sdk = {
  z,
  progress,
  log: (extra, level, data, logger) => server.sendLoggingMessage({ level, data, logger }),
  signal: extra => extra.signal,
  whoami: () => ({
    protocol_version: agreed,
    client_name: server.server.getClientVersion().name,
  }),
  completable,
  ResourceTemplate,
  schema: input => input,
  askRoots: () => server.server.listRoots(),
  askModel: (_, params) => server.server.createMessage(params),
  askUser: (_, params) => server.server.elicitInput(params),
  touch: async (_, uri) => {
    await server.server.sendResourceUpdated({ uri });
    await server.server.sendToolListChanged();
  },
};
offerTools(server, sdk);
if (everything) {
  offerEverything(server, sdk);
  server.server.setRequestHandler(ListResourcesRequestSchema, listResources);
  server.server.setRequestHandler(SubscribeRequestSchema, async () => ({}));
  server.server.setRequestHandler(UnsubscribeRequestSchema, async () => ({}));
}
await server.connect(new StdioServerTransport());
