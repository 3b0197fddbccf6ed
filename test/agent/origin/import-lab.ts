import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach } from 'vitest';
import { type ImportImageInput, importImage } from '../../../agent/operations/import-image.ts';
import type { OperationHandle } from '../../../runtime/operations/types.ts';
import { type HttpOrigin, startHttpOrigin } from '../../helpers/http-origin.ts';
import { type TestAgent, testAgent } from './agent.ts';
import { sampleDisk } from './helpers.ts';

export const disk = sampleDisk();
/** The same with a whole number of sectors. */
export const padded = Buffer.concat([disk, Buffer.alloc(512 - (disk.length % 512))]);
export const sum = (name: string, content: Buffer): string => createHash(name).update(content).digest('hex');
export const pack = (program: string, content: Buffer): Buffer => execFileSync(program, ['-c'], { input: content, maxBuffer: 1 << 26 });

export type More = Omit<Partial<ImportImageInput>, 'origin'> & { readonly origin?: Partial<ImportImageInput['origin']> };

/** An agent and a web server for imports into `image` of datastore 1, new for every test. */
export class ImportLab {
  host!: TestAgent;
  server!: HttpOrigin;
  #count = 0;

  constructor() {
    beforeEach(async () => {
      this.host = await testAgent();
      this.server = await startHttpOrigin();
    });
    afterEach(async () => {
      await this.host.stop();
      await this.server.close();
    });
  }

  get target(): string {
    return join(this.host.datastore, 'image');
  }

  inputOf(path: string, more: More = {}): ImportImageInput {
    const safeDirs = [join(this.host.root, 'images')];
    const origin = { path, safeDirs, restrictedDirs: ['/'], noDecompress: false, bytesPerSecond: 0, sealed: false };
    return {
      target: { datastoreId: 1, path: 'image' },
      checksums: [],
      opaque: false,
      preallocate: false,
      stagingDir: '',
      ...more,
      origin: { ...origin, ...more.origin },
    };
  }

  freshId(): string {
    this.#count += 1;
    return `op-${this.#count}`;
  }

  submit(path: string, more: More = {}): OperationHandle<unknown> {
    const { agent } = this.host;
    return agent.operations.submit(importImage(agent, { delayMs: 0 }), {
      id: this.freshId(),
      subject: 'image 1',
      input: this.inputOf(path, more),
    });
  }

  run(path: string, more: More = {}): Promise<unknown> {
    return this.submit(path, more).done;
  }

  /** All there is where an import writes. */
  async leftovers(): Promise<string[]> {
    return [...(await readdir(this.host.datastore)), ...(await readdir(join(this.host.root, 'staging')))];
  }

  async asFile(content: Buffer, name = 'origin'): Promise<string> {
    const path = join(this.host.root, 'images', name);
    await writeFile(path, content);
    return path;
  }

  /** What the image shows a guest. */
  async contentOf(format: string): Promise<Buffer> {
    if (format === 'raw') return readFile(this.target);
    const raw = join(this.host.root, 'raw');
    execFileSync('qemu-img', ['convert', '-f', format, '-O', 'raw', this.target, raw]);
    return readFile(raw);
  }
}
