// The script of script.py, for clients written with a TypeScript SDK: the same verbs and steps, in
// the same order, with the same results.

export const TEXT = 'grüße ✓ 日本語 🎉\n\ttab \u2028 \u0000 "quoted" \\ end';

// Read `MODE... -- COMMAND...`, play in each mode, print {mode: what the steps gave}.
export async function main(connect) {
  const split = process.argv.indexOf('--');
  const modes = process.argv.slice(2, split);
  const command = process.argv.slice(split + 1);
  const played = {};
  for (const mode of modes) {
    try {
      const client = await connect(mode, command);
      played[mode] = await play(client);
      const started = performance.now();
      await client.close();
      played[mode].closed_in = (performance.now() - started) / 1000;
    } catch (error) {
      played[mode] = { ...played[mode], failed: String(error.stack) };
    }
  }
  process.stdout.write(JSON.stringify(played) + '\n');
}

async function play(client) {
  const seen = {};

  async function step(name, action) {
    try {
      seen[name] = await within(20, action());
    } catch (error) {
      seen[name] = { error: describe(error) };
    }
  }

  async function progress() {
    const steps = [];
    const result = await client.call('progress', { n: 3 }, {
      onProgress: report => steps.push([report.progress, report.total ?? null, report.message ?? null]),
    });
    return { steps, ...result };
  }

  async function together() {
    const calls = [...Array(8).keys()].map(number => client.call('echo', { text: `text ${number}` }));
    return (await Promise.all(calls)).map(result => result.content[0].text);
  }

  async function log() {
    for (const level of ['debug', 'warning']) await client.call('log', { level, text: `a ${level}` });
    return client.messages;
  }

  await step('opened', () => client.opened());
  await step('tools', () => client.tools());
  await step('whoami', () => client.call('whoami', {}));
  await step('echo', () => client.call('echo', { text: TEXT }));
  await step('add', () => client.call('add', { a: 2, b: 3 }));
  await step('progress', progress);
  await step('fail', () => client.call('fail', { message: 'out of stock' }));
  await step('unknown_tool', () => client.call('nothing', {}));
  await step('bad_arguments', () => client.call('add', { a: 'x' }));
  await step('together', together);
  await step('cancel', () => cancelWhenStarted(client, 'slow', { seconds: 30 }));
  await step('cancelled_after_cancel', () => client.call('cancelled_count', { at_least: 1 }));
  if (client.isLegacy) {
    await step('ping', () => client.ping());
    await step('set_level', () => client.setLevel('warning'));
  }
  await step('log', log);
  await step('timeout', () => client.call('slow', { seconds: 1 }, { timeout: 0.3 }));
  await step('after_timeout', () => client.call('cancelled_count', { at_least: 2 }));
  return seen;
}

// Call a tool and cancel the call when it first reports progress.
async function cancelWhenStarted(client, name, args) {
  const controller = new AbortController();
  const onProgress = () => controller.abort('enough');
  try {
    return await client.call(name, args, { onProgress, signal: controller.signal });
  } catch (error) {
    if (controller.signal.aborted) return { cancelled: true };
    throw error;
  }
}

export function describeTool(tool) {
  return {
    name: tool.name,
    description: tool.description ?? null,
    input: tool.inputSchema,
    output: tool.outputSchema ?? null,
  };
}

export function describeResult(result) {
  return {
    content: result.content,
    structured: result.structuredContent ?? null,
    is_error: result.isError === true,
  };
}

export function describe(error) {
  if (Number.isInteger(error.code)) {
    return { code: error.code, message: error.message, data: error.data ?? null };
  }
  return { type: error.constructor.name, message: String(error.message) };
}

export function within(seconds, promise) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`nothing after ${seconds} s`)), seconds * 1000);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}
