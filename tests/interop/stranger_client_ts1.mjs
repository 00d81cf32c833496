// A client written with the TypeScript SDK 1.x: plays the script with a stdio server.
//
//     stranger_client_ts1.mjs REVISION... -- COMMAND...
//
// The handshake asks for REVISION.

import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

import { describeResult, describeTool, main } from './script.mjs';

const require = createRequire(new URL('../../.strangers/ts1/', import.meta.url));
const { Client } = require('@modelcontextprotocol/sdk/client/index.js');
const { StdioClientTransport } = require('@modelcontextprotocol/sdk/client/stdio.js');
const { LoggingMessageNotificationSchema } = require('@modelcontextprotocol/sdk/types.js');

// The SDK has no option for the revision that its handshake asks for.
export class Asking extends Client {
  request(request, ...rest) {
    if (request.method !== 'initialize') return super.request(request, ...rest);
    const params = { ...request.params, protocolVersion: this.revision };
    return super.request({ ...request, params }, ...rest);
  }
}

export class Stranger {
  isLegacy = true;
  messages = [];

  constructor(revision) {
    this.client = new Asking({ name: 'stranger-ts1', version: '1.0.1' });
    this.client.revision = revision;
    this.client.setNotificationHandler(LoggingMessageNotificationSchema, ({ params }) => {
      this.messages.push({ level: params.level, data: params.data, logger: params.logger ?? null });
    });
  }

  async connect(transport) {
    const tell = transport.setProtocolVersion;
    transport.setProtocolVersion = version => {
      this.agreed = version;
      tell?.call(transport, version);
    };
    await this.client.connect(transport);
  }

  async opened() {
    const info = this.client.getServerVersion();
    return {
      protocol_version: this.agreed,
      server: [info.name, info.version],
      instructions: this.client.getInstructions() ?? null,
      capabilities: Object.keys(this.client.getServerCapabilities()).sort(),
    };
  }

  async tools() {
    return (await this.client.listTools()).tools.map(describeTool);
  }

  async call(name, args, { onProgress, signal, timeout } = {}) {
    const options = { onprogress: onProgress, signal, timeout: timeout && timeout * 1000 };
    return describeResult(await this.client.callTool({ name, arguments: args }, undefined, options));
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
  await main(async (revision, command) => {
    const stranger = new Stranger(revision);
    await stranger.connect(new StdioClientTransport({ command: command[0], args: command.slice(1) }));
    return stranger;
  });
}
