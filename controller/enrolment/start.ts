import { access } from 'node:fs/promises';
import { join } from 'node:path';
import type { Audit } from '../../runtime/audit/log.ts';
import { StorageError } from '../../runtime/errors.ts';
import { renewCertificate } from '../../runtime/identity/authority.ts';
import { type Identity, loadIdentity } from '../../runtime/identity/identity.ts';
import { Renewal } from '../../runtime/identity/renewal.ts';
import type { Logger } from '../../runtime/log.ts';
import type { ControllerConfig } from '../config.ts';
import type { Host } from '../hosts/directory.ts';
import { type Added, type AddRequest, Enrolment } from './enrolment.ts';
import { startEnrolmentServer } from './server.ts';
import type { EnrolledHost, EnrolmentStore } from './store.ts';
import { Telling, type Told } from './tell.ts';

export interface EnrolmentServices {
  readonly config: ControllerConfig;
  readonly identity: Identity;
  readonly store: EnrolmentStore;
  /** Every host there is now. */
  readonly hosts: () => readonly Host[];
  readonly agents: {
    setRevocations(host: Host, list: string, signal: AbortSignal): Promise<void>;
    reload(identity: Identity): void;
  };
  readonly audit: Audit;
  readonly log: Logger;
}

/** What an administrator does with hosts. Each throws unsupported on a front-end without an authority. */
export interface HostAdmin {
  list(): readonly EnrolledHost[];
  add(request: AddRequest): Promise<Added>;
  revoke(name: string): Promise<readonly Told[]>;
  /** After `onestorage pki revoke`: the authority's list is read again, and told. */
  tell(): Promise<readonly Told[]>;
}

export interface RunningEnrolment extends HostAdmin {
  start(): Promise<void>;
  stop(): void;
}

const TELL_MS = 60_000;
const RENEWAL_MS = 3_600_000;

/** Enrolment on this front-end. Nothing runs before `start`; without an authority nothing does. */
export function createEnrolment(services: EnrolmentServices): RunningEnrolment {
  const { config, identity, store, hosts, agents, audit, log } = services;
  const { authority, listen, certificate_days: days } = config.enrolment;
  const enrolment = new Enrolment({ config, identity, store, audit });
  const tell = agents.setRevocations.bind(agents);
  const telling = new Telling({ hosts, list: () => enrolment.revocations(), tell, log, intervalMs: TELL_MS });
  let current = identity;
  let server: Awaited<ReturnType<typeof startEnrolmentServer>> | undefined;
  const renewal = new Renewal({
    identity: () => current,
    renew: async () => {
      await renewCertificate(authority, config.pki, days);
      current = await loadIdentity(config.pki, 'controller', identity.revocations);
      agents.reload(current);
      server?.reload(current);
    },
    intervalMs: RENEWAL_MS,
    log,
  });
  const able = (): Enrolment => {
    if (server !== undefined) return enrolment;
    throw new StorageError(
      'unsupported',
      `this front-end has no authority in ${authority}: make one with onestorage setup --apply, restart the controller`,
    );
  };
  return {
    list: () => store.hosts,
    add: (request) => able().add(request),
    revoke: async (name) => {
      await able().revoke(name);
      return await telling.tellAll();
    },
    tell: async () => {
      able();
      return await telling.tellAll();
    },
    start: async () => {
      if (!(await hasAuthority(authority))) {
        log.info({ authority }, 'no authority: hosts are not enrolled here');
        return;
      }
      await enrolment.revocations();
      server = await startEnrolmentServer(listen, identity, enrolment, log);
      log.info({ port: server.port }, 'listening for hosts that join');
      telling.start();
      renewal.start();
    },
    stop: () => {
      telling.stop();
      renewal.stop();
      void server?.stop();
    },
  };
}

async function hasAuthority(directory: string): Promise<boolean> {
  return await access(join(directory, 'ca.pem')).then(
    () => true,
    () => false,
  );
}
