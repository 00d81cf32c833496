// A client written with the TypeScript SDK 2.x, taking a tour of our server to be recorded.
//
//     stranger_tour_ts2.mjs REVISION -- COMMAND...

import { createRequire } from 'node:module';

import { ANSWERS, tour } from './tour.mjs';

const require = createRequire(new URL('../../.strangers/ts2/', import.meta.url));
const { Client, LOG_LEVEL_META_KEY, SUPPORTED_PROTOCOL_VERSIONS } =
  require('@modelcontextprotocol/client');
const { StdioClientTransport } = require('@modelcontextprotocol/client/stdio');

const revision = process.argv[2];
const [command, ...args] = process.argv.slice(process.argv.indexOf('--') + 1);
const legacy = SUPPORTED_PROTOCOL_VERSIONS.includes(revision);

const client = new Client(
  { name: 'stranger-ts2', version: '2.0.1' },
  {
    capabilities: { roots: { listChanged: true }, sampling: {}, elicitation: {} },
    ...(legacy
      ? { supportedProtocolVersions: [revision] }
      : { versionNegotiation: { mode: 'auto' } }),
  },
);
client.setRequestHandler('roots/list', async () => ANSWERS.roots);
client.setRequestHandler('sampling/createMessage', async () => ANSWERS.sampling);
client.setRequestHandler('elicitation/create', async () => ANSWERS.elicitation);
await client.connect(new StdioClientTransport({ command, args }));
await tour(client, {
  legacy,
  listen: filter => client.listen(filter),
  call: (name, args, options) => {
    const params = { name, arguments: args };
    if (!legacy) params._meta = { [LOG_LEVEL_META_KEY]: 'warning' };
    return client.callTool(params, options);
  },
});
await client.close();
