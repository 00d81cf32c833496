// How the servers of both TypeScript SDKs are put on Node's own HTTP server.
import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';

const MODERN = '2026-07-28';

export function readOptions() {
  const [folder, ...rest] = process.argv.slice(2);
  const at = rest.indexOf('--http');
  return {
    folder,
    port: at < 0 ? undefined : Number(rest[at + 1]),
    json: rest.includes('--json'),
    stateless: rest.includes('--stateless'),
  };
}

export function serveHttp(port, { makeServer, Transport, json, stateless, modern }) {
  const sessions = new Map();

  // Without sessions each request has a server and a transport of its own.
  async function answerAlone(request, response) {
    const transport = new Transport({ sessionIdGenerator: undefined, enableJsonResponse: json });
    const server = makeServer();
    response.on('close', () => {
      transport.close();
      server.close();
    });
    await server.connect(transport);
    await transport.handleRequest(request, response);
  }

  async function openSession() {
    const transport = new Transport({
      sessionIdGenerator: randomUUID,
      enableJsonResponse: json,
      onsessioninitialized: id => { sessions.set(id, transport); },
      onsessionclosed: id => { sessions.delete(id); },
    });
    await makeServer().connect(transport);
    return transport;
  }

  async function answer(request, response) {
    if (modern && request.headers['mcp-protocol-version'] === MODERN) {
      return modern(request, response);
    }
    if (stateless) return answerAlone(request, response);
    const id = request.headers['mcp-session-id'];
    const transport = id === undefined ? await openSession() : sessions.get(id);
    if (transport === undefined) return response.writeHead(404).end();
    return transport.handleRequest(request, response);
  }

  const server = createServer((request, response) => {
    answer(request, response).catch(error => {
      console.error(error);
      response.destroy();
    });
  });
  server.keepAliveTimeout = 120_000;
  server.listen(port, '127.0.0.1');
}
