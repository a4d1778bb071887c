#!/usr/bin/env node
// runc for dockerd, with the capabilities that this machine has: `--privileged` asks for all that the kernel knows, and
// a machine in a sandbox may not give them.
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

// By number (capabilities(7), linux/capability.h).
const NAMES = (
  'CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE NET_BIND_SERVICE ' +
  'NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN ' +
  'SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE ' +
  'MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON BPF CHECKPOINT_RESTORE'
)
  .split(' ')
  .map((name) => `CAP_${name}`);

const args = process.argv.slice(2);
const bundle = args[args.indexOf('--bundle') + 1];
if (args.includes('create') && args.includes('--bundle')) {
  const file = join(bundle, 'config.json');
  const config = JSON.parse(readFileSync(file, 'utf8'));
  const bits = BigInt(`0x${/^CapBnd:\s*(\w+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))[1]}`);
  const has = (name) => (bits >> BigInt(NAMES.indexOf(name))) & 1n;
  for (const [set, names] of Object.entries(config.process.capabilities ?? {})) {
    config.process.capabilities[set] = names.filter((name) => NAMES.includes(name) && has(name));
  }
  writeFileSync(file, JSON.stringify(config));
}
const { status } = spawnSync('runc', args, { stdio: 'inherit' });
process.exit(status ?? 1);
