// The official TypeScript SDK 2.x, as its users write servers:
//
//   ts2.mjs FOLDER --http PORT [--json | --sse] [--stateless]        FOLDER is where node_modules is
//
// What follows the modern revision goes to the SDK's own handler.
import { createRequire } from 'node:module';

import { readOptions, serveHttp } from './node_http.mjs';

const { folder, port, json, stateless } = readOptions();
const require = createRequire(`${folder}/here.js`);
const { McpServer, createMcpHandler } = require('@modelcontextprotocol/server');
const { NodeStreamableHTTPServerTransport, toNodeHandler } = require('@modelcontextprotocol/node');
const { z } = require('zod');

const echoArguments = z.object({ text: z.string() });
const progressArguments = z.object({ n: z.number() });

function makeServer() {
  const server = new McpServer({ name: 'bench', version: '1' });

  server.registerTool(
    'echo',
    { description: 'Echo.', inputSchema: echoArguments },
    async ({ text }) => ({ content: [{ type: 'text', text }] }),
  );

  server.registerTool(
    'progress',
    { description: 'Report progress n times.', inputSchema: progressArguments },
    async ({ n }, ctx) => {
      const { progressToken } = ctx.mcpReq._meta;
      for (let i = 1; i <= n; i++) {
        const params = { progressToken, progress: i, total: n };
        await ctx.mcpReq.notify({ method: 'notifications/progress', params });
      }
      return { content: [{ type: 'text', text: 'done' }] };
    },
  );

  return server;
}

const modern = toNodeHandler(createMcpHandler(makeServer));
const Transport = NodeStreamableHTTPServerTransport;
serveHttp(port, { makeServer, Transport, json, stateless, modern });
