import { join } from 'node:path';
import { Issued, RevocationsAnswer, skewText } from '../../runtime/enrolment/messages.ts';
import { StorageError } from '../../runtime/errors.ts';
import { readEnrolment } from '../../runtime/identity/enrolment-file.ts';
import { replaceFile } from '../../runtime/identity/files.ts';
import { IDENTITY_FILES, type Identity, loadIdentity } from '../../runtime/identity/identity.ts';
import { installRevocations } from '../../runtime/identity/revocation.ts';
import type { Logger } from '../../runtime/log.ts';
import { callEnrolment } from './call.ts';

/**
 * Gets a new certificate for the same key from the controller, over the old one, and puts it in place. Gives the identity that it makes. Throws
 * unsupported when the host did not join: then nobody knows whom to ask.
 */
export async function renewIdentity(identity: Identity, log: Logger, signal: AbortSignal): Promise<Identity> {
  const { directory, hostName } = identity;
  const endpoint = (await readEnrolment(directory))?.endpoint;
  if (endpoint === undefined) {
    throw new StorageError(
      'unsupported',
      `the certificate in ${directory} was issued by hand: onestorage pki renew, or let the host join: onestorage host add`,
    );
  }
  // Loaded when it is needed: an idle agent should not hold a library for certificates.
  const { createRequest } = await import('../../runtime/identity/request.ts');
  const body = { request: await createRequest(directory, hostName), clock: Date.now() };
  const issued = await callEnrolment(endpoint, identity, '/v1/renew', body, Issued, signal);
  const skew = skewText(Date.now(), issued.clock);
  if (skew !== undefined) log.warn(`the clock of this host is ${skew} that of the front-end: let chrony or systemd-timesyncd set it`);
  if (issued.revocations !== null) await installRevocations(identity, issued.revocations);
  await replaceFile(join(directory, IDENTITY_FILES.certificate), issued.certificate, 0o644);
  return await loadIdentity(directory, 'agent', identity.revocations);
}

/** Asks for the revocation list: this agent may have been down when it was told. Nothing when the host did not join. */
export async function fetchRevocations(identity: Identity, signal: AbortSignal): Promise<void> {
  const endpoint = (await readEnrolment(identity.directory))?.endpoint;
  if (endpoint === undefined) return;
  const { revocations } = await callEnrolment(endpoint, identity, '/v1/revocations', undefined, RevocationsAnswer, signal);
  if (revocations !== null) await installRevocations(identity, revocations);
}
