// The script of stranger_http_script.py, for clients written with a TypeScript SDK: the same plays,
// steps and results.

import { text as all } from 'node:stream/consumers';

import { TEXT, describe, describeResult, within } from './script.mjs';

const PATIENCE = 20;
const STEPS = 5;

// `connect(mode, url, fetch, sessionId)` returns a client in a new session or in that one. It has
// the verbs of script.mjs, and those that are used here.
export async function main(connect) {
  for (const play of JSON.parse(await all(process.stdin))) {
    const played = { ...play, steps: {}, http: [] };
    const fetch = noting(played.http);
    const enter = sessionId => within(PATIENCE, connect(play.mode, play.url, fetch, sessionId));
    try {
      const client = await playSteps(await enter(), enter, play, played.steps);
      const started = performance.now();
      await within(PATIENCE, client.closeSession());
      played.steps.closed_in = (performance.now() - started) / 1000;
    } catch (error) {
      played.failed = String(error.stack);
    }
    process.stdout.write(JSON.stringify(played) + '\n');
  }
}

// A `fetch` that notes every response.
function noting(responses) {
  return async (url, init) => {
    const response = await fetch(url, init);
    responses.push({
      method: init?.method ?? 'GET',
      status: response.status,
      type: response.headers.get('content-type'),
      session: response.headers.get('mcp-session-id'),
    });
    return response;
  };
}

// Play, and return the client that is there at the end.
async function playSteps(client, enter, play, seen) {
  async function step(name, action) {
    try {
      seen[name] = await within(PATIENCE, action());
    } catch (error) {
      seen[name] = { error: describe(error) };
    }
  }

  // A call that ends only after its last report of progress has arrived here.
  async function march() {
    const steps = [];
    const result = await client.call('march', { n: STEPS, key: play.key }, {
      // A modern call whose stream is cut is lost, which an SDK may notice only by the time.
      timeout: play.cut && !client.isLegacy ? 1 : undefined,
      onProgress: report => {
        steps.push([report.progress, report.total ?? null, report.message ?? null]);
        if (report.progress === STEPS) client.call('release', { key: play.key }).catch(() => {});
      },
    });
    return { steps, ...result };
  }

  // The same call where its progress has no way to get here.
  async function marchUnseen() {
    await client.call('release', { key: play.key });
    const steps = [];
    const onProgress = report => steps.push(report);
    return { steps, ...await client.call('march', { n: STEPS, key: play.key }, { onProgress }) };
  }

  async function together() {
    const calls = [...Array(4).keys()].map(number => client.call('echo', { text: `text ${number}` }));
    return (await Promise.all(calls)).map(result => result.content[0].text);
  }

  async function log() {
    for (const level of ['debug', 'warning']) await client.call('log', { level, text: `a ${level}` });
    return client.messages;
  }

  async function cancel() {
    const held = { key: `${play.key} held` };
    const controller = new AbortController();
    const call = client.call('hold', held, { signal: controller.signal }).then(
      result => ({ cancelled: false, ...result }),
      error => {
        if (controller.signal.aborted) return { cancelled: true };
        throw error;
      },
    );
    await client.call('until_held', held);
    controller.abort('enough');
    const outcome = await call;
    // Without sessions the notice of it is a request of its own, which nothing links to the call.
    if (play.stateless && client.isLegacy) await client.call('release', held);
    const fate = await client.call('fate', held);
    return { ...outcome, fate: fate.content[0].text };
  }

  // Go away from a call, and take it up with another client behind its second report of progress.
  async function takeUp() {
    const key = `${play.key} taken up`;
    const tokens = [];
    await new Promise((resolve, reject) => {
      client.callWith('march', { n: STEPS, key }, {
        onprogress: report => { if (report.progress === STEPS) resolve(); },
        onresumptiontoken: token => tokens.push(token),
      }).catch(reject);
    });
    const { sessionId } = client.transport;
    await client.close();
    client = await enter(sessionId);
    const steps = [];
    client.onAnyProgress(report => {
      steps.push(report.message);
      if (report.progress === STEPS) client.call('release', { key }).catch(() => {});
    });
    const resumptionToken = tokens.at(2 - STEPS - 1);
    const result = await client.callWith('march', {}, { resumptionToken });
    return { steps, ...describeResult(result) };
  }

  await step('opened', () => client.opened());
  if (play.cut) {
    await step('march', march);
    await step('fate', () => client.call('fate', { key: play.key }));
    return client;
  }
  await step('tools', () => client.tools());
  await step('whoami', () => client.call('whoami', {}));
  await step('echo', () => client.call('echo', { text: TEXT }));
  await step('fail', () => client.call('fail', { message: 'out of stock' }));
  await step('unknown_tool', () => client.call('nothing', {}));
  await step('together', together);
  await step('march', play.streams ? march : marchUnseen);
  if (client.isLegacy) {
    await step('ping', () => client.ping());
    await step('set_level', () => client.setLevel('warning'));
  }
  await step('log', log);
  await step('cancel', cancel);
  await step('echo_again', () => client.call('echo', { text: 'still there' }));
  if (client.isLegacy && play.streams && !play.stateless) await step('take_up', takeUp);
  return client;
}
