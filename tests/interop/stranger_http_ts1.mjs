// A client written with the TypeScript SDK 1.x: plays over HTTP, see stranger_http_script.
//
// A mode is the revision that the handshake asks for.

import { createRequire } from 'node:module';

import { main } from './stranger_http_script.mjs';
import { Stranger } from './stranger_client_ts1.mjs';

const require = createRequire(new URL('../../.strangers/ts1/', import.meta.url));
const { StreamableHTTPClientTransport } =
  require('@modelcontextprotocol/sdk/client/streamableHttp.js');
const { ProgressNotificationSchema } = require('@modelcontextprotocol/sdk/types.js');

class HttpStranger extends Stranger {
  async connect(transport) {
    this.transport = transport;
    await super.connect(transport);
  }

  callWith(name, args, options) {
    return this.client.callTool({ name, arguments: args }, undefined, options);
  }

  // Hear of the progress of whatever call, and no more of that of one's own.
  onAnyProgress(listener) {
    const schema = ProgressNotificationSchema;
    this.client.setNotificationHandler(schema, ({ params }) => listener(params));
  }

  async closeSession() {
    await this.transport.terminateSession();
    await this.close();
  }
}

await main(async (revision, url, fetch, sessionId) => {
  const stranger = new HttpStranger(revision);
  await stranger.connect(new StreamableHTTPClientTransport(new URL(url), { fetch, sessionId }));
  return stranger;
});
