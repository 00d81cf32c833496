// A client written with the TypeScript SDK 2.x: plays the script with a stdio server.
//
//     stranger_client_ts2.mjs MODE... -- COMMAND...
//
// MODE is "auto", a modern revision, or a legacy revision (then the handshake asks for that one).

import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

import { describeResult, describeTool, main } from './script.mjs';

const require = createRequire(new URL('../../.strangers/ts2/', import.meta.url));
const { Client, LOG_LEVEL_META_KEY, SUPPORTED_PROTOCOL_VERSIONS } =
  require('@modelcontextprotocol/client');
const { StdioClientTransport } = require('@modelcontextprotocol/client/stdio');

function negotiation(mode) {
  if (mode === 'auto') return { versionNegotiation: { mode } };
  if (SUPPORTED_PROTOCOL_VERSIONS.includes(mode)) return { supportedProtocolVersions: [mode] };
  return { versionNegotiation: { mode: { pin: mode } } };
}

export class Stranger {
  messages = [];

  constructor(mode) {
    this.client = new Client({ name: 'stranger-ts2', version: '2.0.1' }, negotiation(mode));
    this.client.setNotificationHandler('notifications/message', ({ params }) => {
      this.messages.push({ level: params.level, data: params.data, logger: params.logger ?? null });
    });
  }

  async connect(transport) {
    await this.client.connect(transport);
    this.isLegacy = this.client.getProtocolEra() === 'legacy';
  }

  async opened() {
    const info = this.client.getServerVersion();
    return {
      protocol_version: this.client.getNegotiatedProtocolVersion(),
      server: info ? [info.name, info.version] : null,
      instructions: this.client.getInstructions() ?? null,
      capabilities: Object.keys(this.client.getServerCapabilities()).sort(),
    };
  }

  async tools() {
    return (await this.client.listTools()).tools.map(describeTool);
  }

  async call(name, args, { onProgress, signal, timeout } = {}) {
    const params = { name, arguments: args };
    if (!this.isLegacy) params._meta = { [LOG_LEVEL_META_KEY]: 'warning' };
    const options = { onprogress: onProgress, signal, timeout: timeout && timeout * 1000 };
    return describeResult(await this.client.callTool(params, options));
  }

  ping() {
    return this.client.ping();
  }

  setLevel(level) {
    return this.client.setLoggingLevel(level);
  }

  close() {
    return this.client.close();
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await main(async (mode, command) => {
    const stranger = new Stranger(mode);
    await stranger.connect(new StdioClientTransport({ command: command[0], args: command.slice(1) }));
    return stranger;
  });
}
