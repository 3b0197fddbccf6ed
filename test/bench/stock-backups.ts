/** What the stock drivers of backup datastores run, and where: on the host of the VM, the front-end, the backup server. */

export type Kind = 'restic' | 'rsync';

interface Place {
  readonly base: string;
  readonly temporary: string;
  /** Of the VM. */
  readonly directory: string;
  readonly password: string;
}

/** A session of ssh on a host. */
type Session = (host: string, script: string) => string;

interface StockBackups {
  /** After staging. */
  backup(place: Place, increment: number, session: Session): readonly string[];
  /** Of a full backup and one increment, into the directory of the VM. */
  restore(place: Place, session: Session): readonly string[];
}

/** The repository is behind sftp for whoever runs restic; its address is that of the lab's one server. */
const restic = ({ base, password }: Place): string =>
  `export RESTIC_PASSWORD=${password}; restic() { command restic -q -r sftp:backup1:${base}/7 -o sftp.command="$SFTP" "$@"; }`;

const merge = (directory: string): string =>
  `qemu-img rebase -u -F qcow2 -b ${directory}/disk.0.0 ${directory}/disk.0.1\nqemu-img convert -O qcow2 ${directory}/disk.0.1 ${directory}/merged`;

const intoPlace = ({ directory }: Place, session: Session): string =>
  session('host01', `rm -rf ${directory}/disk.0.snap; mv ${directory}/disk.0.backup ${directory}/disk.0`);

const write = ({ directory }: Place): string => `$SSH host01 dd of=${directory}/disk.0.backup bs=64k conv=sparse status=none`;

export const STOCK_BACKUPS: Readonly<Record<Kind, StockBackups>> = {
  restic: {
    backup: (place, increment, session) => [
      session(
        'host01',
        `set -e; SFTP="ssh -F $HOME/fresh backup1 -s sftp"\n${restic(place)}\n` +
          `restic cat config >/dev/null 2>&1 || restic init\n` +
          `restic backup --force --tag one-7 ${place.directory}/backup/disk.0.${increment} ${place.directory}/backup/vm.xml`,
      ),
    ],
    restore: (place, session) => [
      `SFTP="$SSH backup1 -s sftp"\n${restic(place)}\n` +
        `for id in $(restic snapshots --json | tr ',' '\\n' | sed -n 's/.*"short_id":"\\([0-9a-f]*\\)".*/\\1/p'); do restic restore $id --target ${place.temporary}; done\n` +
        `${merge(`${place.temporary}${place.directory}/backup`)}\n` +
        `cat ${place.temporary}${place.directory}/backup/merged | ${write(place)}\nrm -rf ${place.temporary}/*`,
      intoPlace(place, session),
    ],
  },
  rsync: {
    backup: (place, increment, session) => [
      session('backup1', `mkdir -p ${place.base}/7/00000${increment}`),
      session(
        'host01',
        `set -e; cd ${place.directory}/backup; rsync -aS -e "ssh -F $HOME/fresh" ./disk.0.${increment} ./vm.xml backup1:${place.base}/7/00000${increment}/`,
      ),
    ],
    restore: (place, session) => [
      session(
        'backup1',
        `set -e; ln ${place.base}/7/000000/disk.0.0 ${place.base}/7/000001/disk.0.1 ${place.temporary}/; ${merge(place.temporary)}`,
      ),
      `$SSH backup1 cat ${place.temporary}/merged | ${write(place)}\n$SSH backup1 rm -rf ${place.temporary}/*`,
      intoPlace(place, session),
    ],
  },
};
