import { createHash, X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Issued, skewText } from '../../runtime/enrolment/messages.ts';
import { decodeToken } from '../../runtime/enrolment/token.ts';
import { asStorageError, StorageError } from '../../runtime/errors.ts';
import { ENROLMENT_FILE, enrolmentText } from '../../runtime/identity/enrolment-file.ts';
import { replaceFile } from '../../runtime/identity/files.ts';
import { IDENTITY_FILES, type Identity, loadIdentity, readSubject } from '../../runtime/identity/identity.ts';
import { createRequest } from '../../runtime/identity/request.ts';
import { REVOCATION_FILE } from '../../runtime/identity/revocation.ts';
import { callEnrolment } from './call.ts';

export interface JoinOptions {
  readonly token: string;
  /** Where the identity goes. */
  readonly directory: string;
  /** Of this host; undefined: /etc/machine-id. */
  readonly machineId?: string | undefined;
  readonly signal: AbortSignal;
}

export interface Joined {
  readonly identity: Identity;
  /** `3 min behind`, of this host's clock; undefined: near enough. */
  readonly skew: string | undefined;
}

/**
 * Lets this host join: a key is made here and stays here, the controller is told from an impostor by the fingerprint in the token, and gives the
 * certificate. Cut off anywhere it can be called again with the same token. Throws forbidden for a token that is not good.
 */
export async function joinSite({ token, directory, machineId, signal }: JoinOptions): Promise<Joined> {
  const { endpoint, authority, hostName, secret } = decodeToken(token);
  const id = machineId ?? (await ownMachineId());
  const request = await createRequest(directory, hostName);
  const body = { hostName, machineId: id, secret, request, clock: Date.now() };
  const issued = await callEnrolment(endpoint, { fingerprint: authority }, '/v1/join', body, Issued, signal);
  const skew = skewText(Date.now(), issued.clock);
  checkIssued(issued, authority, { hostName, machineId: id });
  await replaceFile(join(directory, ENROLMENT_FILE), enrolmentText({ endpoint }), 0o644);
  await replaceFile(join(directory, IDENTITY_FILES.authority), issued.authority, 0o644);
  if (issued.revocations !== null) await replaceFile(join(directory, REVOCATION_FILE), issued.revocations, 0o644);
  // Last: a directory with cert.pem is complete.
  await replaceFile(join(directory, IDENTITY_FILES.certificate), issued.certificate, 0o644);
  return { identity: await loadIdentity(directory, 'agent'), skew };
}

/** What came is what was asked for: loadIdentity compares key and authority, this the rest. */
function checkIssued(issued: Issued, fingerprint: string, wanted: { readonly hostName: string; readonly machineId: string }): void {
  const digest = createHash('sha256').update(new X509Certificate(issued.authority).raw).digest('hex');
  const { role, hostName, machineId } = readSubject(new X509Certificate(issued.certificate).toLegacyObject().subject);
  if (digest === fingerprint && role === 'agent' && hostName === wanted.hostName && machineId === wanted.machineId) return;
  throw new StorageError(
    'bad_identity',
    `the controller gave a certificate for ${role} ${hostName}, machine ${machineId ?? 'none'}: it was not taken`,
  );
}

async function ownMachineId(): Promise<string> {
  try {
    return (await readFile('/etc/machine-id', 'utf8')).trim();
  } catch (thrown) {
    throw new StorageError('bad_identity', `${asStorageError(thrown).message}: make it with systemd-machine-id-setup`, { cause: thrown });
  }
}
