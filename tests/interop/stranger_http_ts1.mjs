// A client written with the TypeScript SDK 1.x: plays over HTTP, see stranger_http_script.
//
// A mode is the revision that the handshake asks for.

import { createRequire } from 'node:module';

import { main } from './stranger_http_script.mjs';
import { Stranger } from './stranger_client_ts1.mjs';

const require = createRequire(new URL('../../.strangers/ts1/', import.meta.url));
const { StreamableHTTPClientTransport } =
  require('@modelcontextprotocol/sdk/client/streamableHttp.js');

class HttpStranger extends Stranger {
  async connect(transport) {
    this.transport = transport;
    await super.connect(transport);
  }

  async closeSession() {
    await this.transport.terminateSession();
    await this.close();
  }
}

await main(async (revision, url, fetch) => {
  const stranger = new HttpStranger(revision);
  await stranger.connect(new StreamableHTTPClientTransport(new URL(url), { fetch }));
  return stranger;
});
