import { expect, it } from 'vitest';
import { manualPages } from '../../packaging/man/pages.ts';
import { createProgram } from '../../packaging/program.ts';

const pages = await manualPages({ version: '1.2.3', date: 1_000_000_000 });

it('there is a page for every command, and for every configuration file', async () => {
  const commands = (await createProgram(undefined)).commands.map((command) => command.name());
  const files = pages.map(({ file }) => file.replace(/\.\d$/, ''));
  expect(files.toSorted()).toEqual(
    [
      'onestorage',
      'onestorage-agent.yaml',
      'onestorage-controller.yaml',
      ...commands.filter((name) => name !== 'help').map((name) => `onestorage-${name}`),
    ].toSorted(),
  );
});

it('examples and options of a command are in its page', () => {
  const page = pages.find(({ file }) => file === 'onestorage-pki.1')?.text ?? '';
  expect(page).toContain('onestorage pki init /root/onestorage\\-ca');
  expect(page).toContain('.B "\\-\\-machine\\-id <id>"');
  expect(page).toContain('one of controller, agent, admin');
});
