// The tour of our server that clients written with a TypeScript SDK take, to be recorded.

export const ANSWERS = {
  roots: { roots: [{ uri: 'file:///project', name: 'project' }] },
  sampling: { role: 'assistant', content: { type: 'text', text: 'blue' }, model: 'a-model' },
  elicitation: { action: 'accept', content: { colour: 'green' } },
};

// `call(name, args, options)` calls a tool; `listen(filter)` opens a subscription, where there are.
export async function tour(client, { call, legacy, listen }) {
  let page = await client.listTools();
  while (page.nextCursor) page = await client.listTools({ cursor: page.nextCursor });
  await call('echo', { text: 'grüße ✓ 日本語 🎉\n\u2028' });
  await call('add', { a: 2, b: 3 });
  await call('whoami', {});
  await call('fail', { message: 'out of stock' });
  await refused(call('nothing', {}));
  await refused(call('add', { a: 'x' }));
  await Promise.all(['one', 'two', 'three'].map(text => call('echo', { text })));
  await call('picture', {});
  await call('progress', { n: 3 }, { onprogress: () => {} });
  await cancel(call);
  await call('cancelled_count', { at_least: 1 });
  if (legacy) {
    await client.ping();
    await client.setLoggingLevel('warning');
  }
  await call('log', { level: 'debug', text: 'a debug' });
  await call('log', { level: 'warning', text: 'a warning' });
  for (const tool of ['ask_roots', 'ask_model', 'ask_user']) await call(tool, {});
  if (legacy) await client.sendRootsListChanged();
  const first = await client.listResources();
  if (first.nextCursor) await client.listResources({ cursor: first.nextCursor });
  await client.listResourceTemplates();
  await client.readResource({ uri: 'note://hello' });
  await client.readResource({ uri: 'note://seal' });
  await refused(client.readResource({ uri: 'other://nowhere' }));
  await client.listPrompts();
  await refused(client.listPrompts({ cursor: 'nowhere' }));
  await client.getPrompt({ name: 'greet', arguments: { name: 'ann' } });
  await refused(client.getPrompt({ name: 'nothing' }));
  await client.complete({
    ref: { type: 'ref/prompt', name: 'greet' },
    argument: { name: 'name', value: 'bl' },
  });
  if (legacy) {
    await client.subscribeResource({ uri: 'note://hello' });
    await call('touch', { uri: 'note://hello' });
    await client.unsubscribeResource({ uri: 'note://hello' });
  } else {
    const listening = await listen({
      toolsListChanged: true,
      resourceSubscriptions: ['note://hello'],
    });
    await call('touch', { uri: 'note://hello' });
    await listening.close();
  }
  await call('noise', {});
  await call('echo', { text: 'still there' });
}

async function refused(call) {
  try {
    await call;
  } catch {
    return;
  }
}

async function cancel(call) {
  const controller = new AbortController();
  const onprogress = () => controller.abort('enough');
  await refused(call('slow', { seconds: 30 }, { onprogress, signal: controller.signal }));
}
