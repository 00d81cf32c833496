// The official TypeScript SDK 1.x, as its users write servers:
//
//   ts1.mjs FOLDER [--http PORT [--json | --sse] [--stateless]]        FOLDER is where node_modules is
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

import { readOptions, serveHttp } from './node_http.mjs';

const { folder, port, json, stateless } = readOptions();
const sdk = `${folder}/node_modules/@modelcontextprotocol/sdk/dist/esm/server`;
const load = file => import(pathToFileURL(file).href);
const { McpServer } = await load(`${sdk}/mcp.js`);
const { StdioServerTransport } = await load(`${sdk}/stdio.js`);
const { StreamableHTTPServerTransport } = await load(`${sdk}/streamableHttp.js`);
const { z } = await load(createRequire(`${folder}/here.js`).resolve('zod'));

function makeServer() {
  const server = new McpServer({ name: 'bench', version: '1' });

  server.registerTool(
    'echo',
    { description: 'Echo.', inputSchema: { text: z.string() } },
    async ({ text }) => ({ content: [{ type: 'text', text }] }),
  );

  server.registerTool(
    'progress',
    { description: 'Report progress n times.', inputSchema: { n: z.number() } },
    async ({ n }, extra) => {
      const { progressToken } = extra._meta;
      for (let i = 1; i <= n; i++) {
        const params = { progressToken, progress: i, total: n };
        await extra.sendNotification({ method: 'notifications/progress', params });
      }
      return { content: [{ type: 'text', text: 'done' }] };
    },
  );

  return server;
}

if (port === undefined) {
  await makeServer().connect(new StdioServerTransport());
} else {
  serveHttp(port, { makeServer, Transport: StreamableHTTPServerTransport, json, stateless });
}
