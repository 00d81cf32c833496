// A client written with the TypeScript SDK 2.x: plays over HTTP, see stranger_http_script.
//
// A mode is "auto", a modern revision, or a legacy revision (then the handshake asks for that one).

import { createRequire } from 'node:module';

import { main } from './stranger_http_script.mjs';
import { Stranger } from './stranger_client_ts2.mjs';

const require = createRequire(new URL('../../.strangers/ts2/', import.meta.url));
const { StreamableHTTPClientTransport } = require('@modelcontextprotocol/client');

class HttpStranger extends Stranger {
  async connect(transport) {
    this.transport = transport;
    await super.connect(transport);
  }

  callWith(name, args, options) {
    return this.client.callTool({ name, arguments: args }, options);
  }

  // Hear of the progress of whatever call, and no more of that of one's own.
  onAnyProgress(listener) {
    this.client.setNotificationHandler('notifications/progress', ({ params }) => listener(params));
  }

  async closeSession() {
    await this.transport.terminateSession();
    await this.close();
  }
}

await main(async (mode, url, fetch, sessionId) => {
  const stranger = new HttpStranger(mode);
  await stranger.connect(new StreamableHTTPClientTransport(new URL(url), { fetch, sessionId }));
  return stranger;
});
