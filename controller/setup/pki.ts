import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { asStorageError, StorageError } from '../../runtime/errors.ts';
import { failpoint } from '../../runtime/failpoint.ts';
import { createAuthority, issueCertificate } from '../../runtime/identity/authority.ts';
import { ENROLMENT_FILE, enrolmentText } from '../../runtime/identity/enrolment-file.ts';
import { replaceFile } from '../../runtime/identity/files.ts';
import { IDENTITY_FILES } from '../../runtime/identity/identity.ts';
import { giveTo, isThere } from './files.ts';
import { OWN, type Owner, type Places } from './places.ts';
import type { Site } from './site.ts';

/** An authority or identity, complete when its certificate is there: that is written last. */
export interface PkiStep {
  readonly path: string;
  readonly what: string;
  readonly isThere: boolean;
  /** Makes what is missing of it, and gives all of it to its owner. */
  make(owner: Owner): Promise<void>;
}

/** The authority and the identities of the front-end's two daemons. `machineId` undefined: that of /etc/machine-id. */
export async function pkiSteps({ etc }: Places, { names }: Site, machineId: string | undefined): Promise<readonly PkiStep[]> {
  const [hostName = ''] = names;
  const [authority, controller, agent] = [OWN.authority, OWN.controllerPki, OWN.agentPki].map((name) => join(etc, name)) as [
    string,
    string,
    string,
  ];
  const step = async (path: string, what: string, last: string, make: () => Promise<void>): Promise<PkiStep> => ({
    path,
    what,
    isThere: await isThere(join(path, last)),
    make: async (owner) => {
      if (!(await isThere(join(path, last)))) await make();
      await failpoint(`setup.pki.${what}`);
      await giveTo(owner, path, ...(await readdir(path)).map((name) => join(path, name)));
    },
  });
  return await Promise.all([
    step(authority, 'authority', 'ca.pem', () => createAuthority(authority)),
    step(controller, 'certificate of the controller', IDENTITY_FILES.certificate, () =>
      issueCertificate(authority, { role: 'controller', hostName }, controller),
    ),
    step(agent, "certificate of the front-end's agent", IDENTITY_FILES.certificate, async () => {
      const id = machineId ?? (await ownMachineId());
      // Before the certificate, which makes it complete.
      await replaceFile(join(agent, ENROLMENT_FILE), enrolmentText({ endpoint: `localhost:${ENROLMENT_PORT}` }), 0o644);
      await issueCertificate(authority, { role: 'agent', hostName, machineId: id }, agent);
    }),
  ]);
}

/** Where hosts come to be enrolled. */
const ENROLMENT_PORT = 2638;

async function ownMachineId(): Promise<string> {
  try {
    return (await readFile('/etc/machine-id', 'utf8')).trim();
  } catch (thrown) {
    throw new StorageError('bad_identity', `${asStorageError(thrown).message}: make it with systemd-machine-id-setup`, { cause: thrown });
  }
}
