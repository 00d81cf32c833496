// The tools that every stranger's server offers, for servers written with a TypeScript SDK. What
// differs between the SDKs is in `sdk`: `z`, `progress(extra, params)`, `log(extra, level, data,
// logger)`, `signal(extra)`, `whoami(extra)`.

const LEVELS = ['debug', 'info', 'notice', 'warning', 'error', 'critical', 'alert', 'emergency'];

let cancelled = 0;

export function offerTools(server, sdk) {
  const { z } = sdk;
  const text = words => ({ content: [{ type: 'text', text: words }] });
  const data = value => ({ ...text(JSON.stringify(value)), structuredContent: value });

  function tool(name, description, input, call, output) {
    const schemas = { inputSchema: z.object(input) };
    if (output) schemas.outputSchema = z.object(output);
    server.registerTool(name, { description, ...schemas }, call);
  }

  tool('echo', 'Return the text.', { text: z.string() }, async args => text(args.text));

  tool('add', 'Add two integers.', { a: z.int(), b: z.int() },
    async ({ a, b }) => data({ sum: a + b }), { sum: z.int() });

  tool('progress', 'Report n steps, then end.', { n: z.int() }, async ({ n }, extra) => {
    for (let step = 1; step <= n; step++) {
      await sdk.progress(extra, { progress: step, total: n, message: `step ${step}` });
    }
    return text('done');
  });

  tool('slow', 'Report that it has started, then sleep.', { seconds: z.number() },
    async ({ seconds }, extra) => {
      await sdk.progress(extra, { progress: 0, total: 1, message: 'started' });
      await new Promise(resolve => {
        const timer = setTimeout(resolve, seconds * 1000);
        sdk.signal(extra).addEventListener('abort', () => {
          cancelled += 1;
          clearTimeout(timer);
          resolve();
        });
      });
      return text('slept');
    });

  tool('cancelled_count',
    'Count the cancelled calls of slow, after waiting up to 5 s for this many.',
    { at_least: z.int() },
    async args => {
      const until = Date.now() + 5000;
      while (cancelled < args.at_least && Date.now() < until) {
        await new Promise(resolve => setTimeout(resolve, 10));
      }
      return text(String(cancelled));
    });

  tool('fail', 'Fail with the message.', { message: z.string() }, async ({ message }) => {
    throw new Error(message);
  });

  tool('log', 'Send a log message.', { level: z.enum(LEVELS), text: z.string() },
    async (args, extra) => {
      await sdk.log(extra, args.level, args.text, 'tools');
      return text('logged');
    });

  tool('whoami', 'Tell who the client says it is, and what it speaks.', {},
    async (_, extra) => data(sdk.whoami(extra)),
    { protocol_version: z.string(), client_name: z.string() });
}

const QUESTION = 'Which colour?';
const COLOURS = ['blue', 'black', 'green'];
const SAMPLING = {
  messages: [{ role: 'user', content: { type: 'text', text: QUESTION } }],
  maxTokens: 10,
};
const COLOUR_SCHEMA = {
  type: 'object',
  properties: { colour: { type: 'string' } },
  required: ['colour'],
};

const RESOURCES = [
  { uri: 'note://hello', name: 'hello', description: 'A greeting.', mimeType: 'text/plain' },
  { uri: 'note://seal', name: 'seal', description: 'A picture.', mimeType: 'image/png' },
];
const SEAL = 'AAECAwQFBgc=';

// What `resources/list` answers: the first resource and the cursor of the others, or these.
export function listResources({ params }) {
  return params?.cursor
    ? { resources: RESOURCES.slice(1) }
    : { resources: RESOURCES.slice(0, 1), nextCursor: 'second' };
}

// What a session to be recorded needs besides the tools: resources, a prompt with completions, and
// tools that ask. Besides the above, `sdk` has `completable`, `ResourceTemplate`, `schema(input)`,
// `touch(uri)` and `askRoots(extra)`, `askModel(extra, params)`, `askUser(extra, params)`: each
// returns the answer, or the result that asks for it.
export function offerEverything(server, sdk) {
  const { z, ResourceTemplate } = sdk;
  const text = words => ({ content: [{ type: 'text', text: words }] });
  const contents = (uri, words) => ({
    contents: [{ uri: uri.href, mimeType: 'text/plain', text: words }],
  });

  server.registerResource('hello', 'note://hello', {}, async uri => contents(uri, 'Hello.'));

  server.registerResource('seal', 'note://seal', {}, async uri => ({
    contents: [{ uri: uri.href, mimeType: 'image/png', blob: SEAL }],
  }));

  server.registerResource('note', new ResourceTemplate('note://of/{name}', { list: undefined }),
    { description: 'A note of somebody.', mimeType: 'text/plain' },
    async (uri, { name }) => contents(uri, `A note of ${name}.`));

  const name = sdk.completable(z.string(), value => COLOURS.filter(one => one.startsWith(value)));
  server.registerPrompt('greet',
    { description: 'Greet somebody.', argsSchema: sdk.schema({ name }) },
    async args => ({
      messages: [{ role: 'user', content: { type: 'text', text: `Greet ${args.name}.` } }],
    }));

  server.registerTool('picture',
    { description: 'Return a picture and a note.', inputSchema: z.object({}) },
    async () => ({
      content: [
        { type: 'image', data: SEAL, mimeType: 'image/png' },
        {
          type: 'resource',
          resource: { uri: 'note://hello', mimeType: 'text/plain', text: 'Hello.' },
        },
      ],
    }));

  function question(tool, description, ask, read) {
    server.registerTool(tool, { description, inputSchema: z.object({}) }, async (_, extra) => {
      const answer = await ask(extra);
      return answer.resultType === 'input_required' ? answer : text(read(answer));
    });
  }

  question('ask_roots', 'Ask the client for its roots.', extra => sdk.askRoots(extra),
    answer => answer.roots.map(root => root.name).join(', '));
  question('ask_model', "Ask the client's model for a colour.",
    extra => sdk.askModel(extra, SAMPLING), answer => answer.content.text);
  question('ask_user', "Ask the client's user for a colour.",
    extra => sdk.askUser(extra, { message: QUESTION, requestedSchema: COLOUR_SCHEMA }),
    answer => String(answer.content.colour));

  server.registerTool('touch',
    {
      description: 'Tell of a change of a resource, and of the list of tools.',
      inputSchema: z.object({ uri: z.string() }),
    },
    async ({ uri }) => {
      await sdk.touch(server, uri);
      return text('touched');
    });
}
