import { createPublicKey, type KeyObject } from 'node:crypto';
import { join } from 'node:path';
import { StorageError } from '../errors.ts';
import { ensureKey } from './authority.ts';
import { IDENTITY_FILES } from './identity.ts';
import { ECDSA, x509 } from './x509.ts';

/**
 * A request for a certificate (PKCS#10, PEM), signed with the key in the directory, which is made when there is none. The key stays where it is;
 * who is asked decides what the certificate says.
 */
export async function createRequest(directory: string, hostName: string): Promise<string> {
  const key = await ensureKey(join(directory, IDENTITY_FILES.key));
  const keys = {
    privateKey: await key.toCryptoKey(ECDSA, true, ['sign']),
    publicKey: await createPublicKey(key).toCryptoKey(ECDSA, true, ['verify']),
  };
  const request = await x509.Pkcs10CertificateRequestGenerator.create({ name: [{ CN: [hostName] }], keys, signingAlgorithm: ECDSA });
  return `${request.toString('pem')}\n`;
}

/** The public key of a request, whose sender has shown that he holds the private one. Throws bad_argument. */
export async function publicKeyOf(request: string): Promise<KeyObject> {
  try {
    const parsed = new x509.Pkcs10CertificateRequest(request);
    const key = createPublicKey({ key: Buffer.from(parsed.publicKey.rawData), format: 'der', type: 'spki' });
    if (key.asymmetricKeyDetails?.namedCurve !== 'prime256v1') throw new Error('the key is not of the curve P-256');
    if (!(await parsed.verify())) throw new Error('the signature is not of its key');
    return key;
  } catch (thrown) {
    throw new StorageError('bad_argument', 'this is no request for a certificate', { cause: thrown });
  }
}

/** A public key as text, to compare two. */
export function keyText(key: KeyObject): string {
  return Buffer.from(key.export({ format: 'der', type: 'spki' })).toString('base64');
}
