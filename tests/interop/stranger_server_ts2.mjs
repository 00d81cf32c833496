// A stdio server written with the TypeScript SDK 2.x, for our client to use.
//
// With the argument "everything" it offers what a session to be recorded needs besides the tools.

import { createRequire } from 'node:module';

import { listResources, offerEverything, offerTools } from './stranger_tools.mjs';

const require = createRequire(new URL('../../.strangers/ts2/', import.meta.url));
const {
  CLIENT_INFO_META_KEY,
  McpServer,
  PROTOCOL_VERSION_META_KEY,
  ResourceTemplate,
  completable,
  inputRequired,
} = require('@modelcontextprotocol/server');
const { serveStdio } = require('@modelcontextprotocol/server/stdio');
const { z } = require('zod');

const everything = process.argv.includes('everything');

async function progress(ctx, params) {
  const progressToken = ctx.mcpReq._meta?.progressToken;
  if (progressToken === undefined) return;
  await ctx.mcpReq.notify({
    method: 'notifications/progress',
    params: { progressToken, ...params },
  });
}

function capabilities() {
  if (!everything) return { logging: {} };
  return { logging: {}, tools: { listChanged: true }, resources: { subscribe: true, listChanged: true } };
}

// One handler for both eras: on a legacy connection the SDK turns the question into a request.
const ask = (ctx, question) =>
  ctx.mcpReq.inputResponses?.it
  ?? inputRequired({ inputRequests: { it: question }, requestState: 'one' });

function build() {
  const server = new McpServer(
    { name: 'stranger-ts2', version: '2.0.1' },
    { capabilities: capabilities(), instructions: 'Use echo first.' },
  );
  const sdk = {
    z,
    progress,
    log: (ctx, level, data, logger) => ctx.mcpReq.log(level, data, logger),
    signal: ctx => ctx.mcpReq.signal,
    whoami: ctx => {
      const envelope = ctx.mcpReq.envelope ?? {};
      const info = envelope[CLIENT_INFO_META_KEY] ?? server.server.getClientVersion();
      return {
        protocol_version: envelope[PROTOCOL_VERSION_META_KEY]
          ?? server.server.getNegotiatedProtocolVersion(),
        client_name: info.name,
      };
    },
    completable,
    ResourceTemplate,
    schema: input => z.object(input),
    askRoots: ctx => ask(ctx, inputRequired.listRoots()),
    askModel: (ctx, params) => ask(ctx, inputRequired.createMessage(params)),
    askUser: (ctx, params) => ask(ctx, inputRequired.elicit(params)),
    touch: async (_, uri) => {
      await server.server.sendResourceUpdated({ uri });
      await server.server.sendToolListChanged();
    },
  };
  offerTools(server, sdk);
  if (everything) {
    offerEverything(server, sdk);
    server.server.setRequestHandler('resources/list', listResources);
    server.server.setRequestHandler('resources/subscribe', async () => ({}));
    server.server.setRequestHandler('resources/unsubscribe', async () => ({}));
  }
  return server;
}

serveStdio(build);
