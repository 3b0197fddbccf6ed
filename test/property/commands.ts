import fc from 'fast-check';
import { DISK_STEPS } from './disk-steps.ts';
import { IMAGE_STEPS } from './image-steps.ts';
import { type Choice, diskPlace, imagePlace, type LifeModel, MAX_BLOCKS, type Step } from './model.ts';
import type { PropertySite } from './site.ts';

const STEPS: Readonly<Record<string, Step>> = { ...DISK_STEPS, ...IMAGE_STEPS };
export const STEP_NAMES = Object.keys(STEPS);
/** How often each step has run: a property over steps that never run says nothing. */
export const ran = new Map<string, number>();

class LifeCommand implements fc.AsyncCommand<LifeModel, PropertySite> {
  readonly #name: string;
  readonly #choice: Choice;
  readonly #step: Step;

  constructor(name: string, step: Step, choice: Choice) {
    this.#name = name;
    this.#step = step;
    this.#choice = choice;
  }

  check(model: Readonly<LifeModel>): boolean {
    return this.#step.possible(model, this.#choice);
  }

  /** After every command all that there is must be what it should be. */
  async run(model: LifeModel, site: PropertySite): Promise<void> {
    await this.#step.run(site, model, this.#choice);
    ran.set(this.#name, (ran.get(this.#name) ?? 0) + 1);
    const wrong = await problems(site, model);
    if (wrong.length > 0) throw new Error(`after ${this.toString()}: ${wrong.slice(0, 5).join('; ')}`);
  }

  toString(): string {
    const { subject, snapshot, at, length, value } = this.#choice;
    return `${this.#name}(subject ${subject}, snapshot ${snapshot}, at ${at}, length ${length}, value ${value})`;
  }
}

export async function problems(site: PropertySite, model: LifeModel): Promise<string[]> {
  const checks = [
    ...[...model.disks].map(([name, expected]) => site.wrong(model.host, diskPlace(model, name), expected)),
    ...[...model.images].map(([name, expected]) => site.wrong(0, imagePlace(name), expected)),
  ];
  return [...(await Promise.all(checks)).flat(), ...(await site.temporary())];
}

const choice: fc.Arbitrary<Choice> = fc.record({
  subject: fc.nat({ max: 5 }),
  snapshot: fc.nat({ max: 5 }),
  at: fc.nat({ max: MAX_BLOCKS }),
  length: fc.nat({ max: 60 }),
  value: fc.integer({ min: 1, max: 255 }),
});

export function lifeCommands(maxCommands: number, replayPath?: string): fc.Arbitrary<Iterable<fc.AsyncCommand<LifeModel, PropertySite>>> {
  const weighted = Object.entries(STEPS).flatMap(([name, step]) => {
    const command = choice.map((values) => new LifeCommand(name, step, values));
    return new Array<typeof command>(step.weight).fill(command);
  });
  return fc.commands(weighted, { maxCommands, size: 'max', ...(replayPath === undefined ? {} : { replayPath }) });
}
