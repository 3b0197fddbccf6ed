import { createHash, timingSafeEqual, X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import { hostname } from 'node:os';
import type { Audit } from '../../runtime/audit/log.ts';
import { type Issued, type JoinRequest, MAX_SKEW_MS, type RenewRequest, skewText } from '../../runtime/enrolment/messages.ts';
import { authorityDigest, encodeToken, newSecret, secretDigest } from '../../runtime/enrolment/token.ts';
import { StorageError } from '../../runtime/errors.ts';
import { addressesOf, certify } from '../../runtime/identity/authority.ts';
import { type Identity, readSubject } from '../../runtime/identity/identity.ts';
import { keyText, publicKeyOf } from '../../runtime/identity/request.ts';
import { installRevocations, plainSerial, readRevocationFile } from '../../runtime/identity/revocation.ts';
import { revokeSerials } from '../../runtime/identity/revoke.ts';
import type { ControllerConfig } from '../config.ts';
import type { EnrolledHost, EnrolmentStore } from './store.ts';

export interface EnrolmentOptions {
  readonly config: Pick<ControllerConfig, 'enrolment' | 'front_end' | 'port'>;
  readonly identity: Identity;
  readonly store: EnrolmentStore;
  readonly audit: Audit;
}

export interface AddRequest {
  readonly name: string;
  /** host:port of its agent; undefined: its name and the usual port. */
  readonly address?: string | undefined;
  readonly machineId?: string | undefined;
  /** It is there already, and is to be made anew: its certificates are revoked when the new one is issued. */
  readonly replace: boolean;
}

export interface Added {
  readonly token: string;
  readonly until: number;
  readonly name: string;
}

/** Who belongs to the site. Nothing here trusts what a host says of itself beyond its machine id. */
export class Enrolment {
  readonly #options: EnrolmentOptions;

  constructor(options: EnrolmentOptions) {
    this.#options = options;
  }

  get hosts(): readonly EnrolledHost[] {
    return this.#options.store.hosts;
  }

  /** A token for a host. One that was not used yet is replaced. Throws already_exists for a host that has joined. */
  async add({ name, address, machineId, replace }: AddRequest): Promise<Added> {
    const { store, identity, config, audit } = this.#options;
    if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,252}$/u.test(name)) throw new StorageError('bad_argument', `not a host name: '${name}'`);
    const { advertise, listen, token_minutes: minutes } = config.enrolment;
    const endpoint = advertise ?? `${config.front_end.names[0] ?? hostname()}:${listen.slice(listen.lastIndexOf(':') + 1)}`;
    const secret = newSecret();
    const until = Date.now() + minutes * 60_000;
    await store.change(name, async (known) => {
      if (known?.address !== undefined && known.address !== null && known.machineId !== null && known.revokedAt === null && !replace) {
        throw new StorageError(
          'already_exists',
          `${known.name} has joined already; to make it anew give --replace: its old certificate is revoked then`,
        );
      }
      const token = { secret: secretDigest(secret), machineId: machineId ?? null, until, usedBy: null };
      return {
        host: { ...(known ?? unknownHost(name)), address: address ?? known?.address ?? `${name}:${config.port}`, token },
        value: undefined,
      };
    });
    audit.append({ event: 'host', action: 'add', host: name });
    return { name, until, token: encodeToken({ endpoint, authority: authorityDigest(identity.authority), hostName: name, secret }) };
  }

  /** A host that shows its token gets its certificate. Throws forbidden in the same words for every token that is not good. */
  async join(request: JoinRequest, now = Date.now()): Promise<Issued> {
    const { store, config, audit } = this.#options;
    refuseSkew(request.hostName, request.clock, now);
    const key = keyText(await publicKeyOf(request.request));
    const issued = await store.change(request.hostName, async (host) => {
      if (host?.token === undefined || host.token === null || !sameText(host.token.secret, secretDigest(request.secret))) throw notGood();
      const { token } = host;
      if (token.until < now) throw notGood('it has expired');
      if (token.usedBy !== null && token.usedBy !== key) throw notGood('it was used already');
      if (token.machineId !== null && token.machineId !== request.machineId) throw notGood(`it is for the machine ${token.machineId}`);
      this.#refuseTwin(host, request.machineId);
      // The old machine, or the old key: what has the name from now on is this one.
      const old = token.usedBy === null ? host.serials.map(({ serial }) => serial) : [];
      if (old.length > 0) await this.#revoke(old);
      const address = host.address ?? '';
      const addresses = [address.slice(0, address.lastIndexOf(':')).replace(/^\[|\]$/gu, '')].filter((one) => isIP(one) !== 0);
      const certificate = await this.#certify({ hostName: host.name, machineId: request.machineId, addresses }, request.request);
      const { serial, notAfter } = factsOf(certificate);
      const serials = [...(old.length > 0 ? [] : host.serials), { serial, notAfter }];
      const joined = { machineId: request.machineId, joinedAt: now, notAfter, serials, revokedAt: null, token: { ...token, usedBy: key } };
      return { host: { ...host, ...joined }, value: certificate };
    });
    audit.append({ event: 'host', action: 'join', host: request.hostName, machine: request.machineId });
    return await this.#issued(issued, now, config.enrolment.authority);
  }

  /** A new certificate for who shows one that is still good, for the same subject and key. */
  async renew(request: RenewRequest, shown: X509Certificate, now = Date.now()): Promise<Issued> {
    const { identity, config, audit, store } = this.#options;
    const { role, hostName, machineId } = readSubject(shown.toLegacyObject().subject);
    if (role !== 'agent')
      throw new StorageError('forbidden', `the certificate of ${hostName} has the role ${role}: only agents are renewed here`);
    if (identity.revocations.has(shown.serialNumber)) throw new StorageError('bad_identity', `the certificate of ${hostName} was revoked`);
    refuseSkew(hostName, request.clock, now);
    if (keyText(await publicKeyOf(request.request)) !== keyText(shown.publicKey))
      throw new StorageError('forbidden', `the request of ${hostName} is for another key than that of its certificate`);
    const certificate = await this.#certify({ hostName, machineId, addresses: addressesOf(shown) }, request.request);
    const { serial, notAfter } = factsOf(certificate);
    // Also of one that was issued by hand: what was made of a certificate must be revoked with it.
    const old = { serial: plainSerial(shown.serialNumber), notAfter: shown.validToDate.getTime() };
    await store.change(hostName, async (host) => {
      if (identity.revocations.has(old.serial)) throw new StorageError('bad_identity', `the certificate of ${hostName} was revoked`);
      const known = host ?? { ...unknownHost(hostName), machineId: machineId ?? null, joinedAt: now };
      const serials = [...known.serials.filter((one) => one.notAfter > now && one.serial !== old.serial), old, { serial, notAfter }];
      return { host: { ...known, notAfter, serials }, value: undefined };
    });
    audit.append({ event: 'host', action: 'renew', host: hostName, serial });
    return await this.#issued(certificate, now, config.enrolment.authority);
  }

  /** Revokes every certificate of a host, and its token. Gives the list to be told to the others. Throws not_found. */
  async revoke(name: string): Promise<string> {
    const list = await this.#options.store.change(name, async (host) => {
      if (host === undefined)
        throw new StorageError('not_found', `no host ${name} was added; certificates that were issued by hand: onestorage pki revoke`);
      const value = await this.#revoke(host.serials.map(({ serial }) => serial));
      return { host: { ...host, revokedAt: Date.now(), token: null }, value };
    });
    this.#options.audit.append({ event: 'host', action: 'revoke', host: name });
    return list;
  }

  /** The authority's list, which `onestorage pki revoke` may have changed. undefined: nothing was ever revoked. */
  async revocations(): Promise<string | undefined> {
    const { config, identity, store } = this.#options;
    const list = await readRevocationFile(config.enrolment.authority);
    if (list === undefined) return list;
    await installRevocations(identity, list);
    const { revocations } = identity;
    const revoked = store.hosts.filter(({ serials }) => serials.some(({ serial }) => revocations.has(serial)));
    // With one certificate of a host go those that it was renewed to.
    const missing = revoked.flatMap(({ serials }) => serials).filter(({ serial }) => !revocations.has(serial));
    const whole = missing.length === 0 ? list : await this.#revoke(missing.map(({ serial }) => serial));
    for (const { name, revokedAt } of revoked) if (revokedAt === null) await this.#noteRevoked(name);
    return whole;
  }

  /** A token that was not used stays: the host is being made anew. */
  async #noteRevoked(name: string): Promise<void> {
    const { store, identity, audit } = this.#options;
    const isRevoked = await store.change(name, async (host) => {
      // It may have joined anew meanwhile.
      if (host === undefined || host.revokedAt !== null || !host.serials.some(({ serial }) => identity.revocations.has(serial)))
        return { host, value: false };
      const token = host.token?.usedBy === null ? host.token : null;
      return { host: { ...host, revokedAt: Date.now(), token }, value: true };
    });
    if (isRevoked) audit.append({ event: 'host', action: 'revoke', host: name });
  }

  async #revoke(serials: readonly string[]): Promise<string> {
    const { config, identity } = this.#options;
    const list = await revokeSerials(config.enrolment.authority, serials);
    await installRevocations(identity, list);
    return list;
  }

  async #certify(
    subject: { hostName: string; machineId: string | undefined; addresses: readonly string[] },
    request: string,
  ): Promise<string> {
    const { authority, certificate_days: days } = this.#options.config.enrolment;
    return await certify(authority, { ...subject, role: 'agent', days }, await publicKeyOf(request));
  }

  async #issued(certificate: string, now: number, authority: string): Promise<Issued> {
    return {
      certificate,
      authority: this.#options.identity.authority,
      revocations: (await readRevocationFile(authority)) ?? null,
      clock: now,
    };
  }

  #refuseTwin(host: EnrolledHost, machineId: string): void {
    const twin = this.hosts.find((other) => other.name !== host.name && other.machineId === machineId && other.revokedAt === null);
    if (twin === undefined) return;
    const remedy = 'give this host its own /etc/machine-id (systemd-machine-id-setup), or revoke the other: onestorage host revoke';
    throw new StorageError('bad_identity', `the machine id ${machineId} is that of ${twin.name} already: ${remedy} ${twin.name}`);
  }
}

function refuseSkew(hostName: string, theirs: number, ours: number): void {
  if (Math.abs(theirs - ours) <= MAX_SKEW_MS) return;
  const text = `the clock of ${hostName} is ${skewText(theirs, ours) ?? ''} that of the front-end`;
  throw new StorageError('bad_identity', `${text}: set the clocks (chrony, systemd-timesyncd), then call again`);
}

function unknownHost(name: string): EnrolledHost {
  return { name, address: null, machineId: null, joinedAt: null, notAfter: null, serials: [], revokedAt: null, token: null };
}

function notGood(why = 'it is not known'): StorageError {
  return new StorageError('forbidden', `the token is not good: ${why}; make a new one on the front-end: onestorage host add`);
}

function factsOf(pem: string): { readonly serial: string; readonly notAfter: number } {
  const certificate = new X509Certificate(pem);
  return { serial: plainSerial(certificate.serialNumber), notAfter: certificate.validToDate.getTime() };
}

function sameText(one: string, other: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(one), digest(other));
}
