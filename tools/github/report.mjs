// Runs a check. Where it fails, one open issue has its output: opened, or updated when there is one. When the check
// passes again, the issue is closed. The exit status is the check's.
// node tools/github/report.mjs KEY TITLE COMMAND [ARGUMENT...]
import { spawn } from 'node:child_process';
import { stripVTControlCharacters } from 'node:util';
import { BOT, isMarked, marked, repositoryApi, runUrl } from './api.mjs';

const [key = '', title = '', command = '', ...args] = process.argv.slice(2);
if (!command) throw new Error('give KEY, TITLE and a command');
const api = repositoryApi(process.env);

// The token is for the issue; the check is not to have it.
const env = { ...process.env };
delete env.GITHUB_TOKEN;
let output = '';
const child = spawn(command, args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
for (const [from, to] of /** @type {const} */ ([
  [child.stdout, process.stdout],
  [child.stderr, process.stderr],
])) {
  from.setEncoding('utf8');
  from.on('data', (/** @type {string} */ text) => {
    output += text;
    to.write(text);
  });
}
/** @type {number} */
const status = await new Promise((resolve, reject) => {
  child.on('error', reject);
  child.on('close', (code) => resolve(code ?? 1));
});

const creator = encodeURIComponent(BOT);
const issues = await api.all(`/issues?state=open&creator=${creator}`);
const own = issues.find((issue) => isMarked(issue, key));
if (status !== 0) {
  const body = marked(key, report(), runUrl(process.env));
  if (own) await api.send('PATCH', `/issues/${own.number}`, { title, body });
  else await api.send('POST', '/issues', { title, body });
} else if (own) {
  const text = `Passes again: ${runUrl(process.env)}`;
  await api.send('POST', `/issues/${own.number}/comments`, { body: text });
  await api.send('PATCH', `/issues/${own.number}`, { state: 'closed', state_reason: 'completed' });
}
process.exitCode = status;

function report() {
  const shown = [command, ...args].join(' ');
  // Longer than any fence in it.
  const fence = '`'.repeat(Math.max(3, ...(output.match(/`+/g) ?? []).map(({ length }) => length + 1)));
  const text = stripVTControlCharacters(output).trim();
  return `\`${shown}\` ended with ${status} in [this run](${runUrl(process.env)}).\n\n${fence}\n${text}\n${fence}\n`;
}
