// Writes a file as a comment on the pull request, over the one that it wrote before.
// node tools/github/stickyComment.mjs KEY FILE; PULL_REQUEST is the number.
import { readFileSync } from 'node:fs';
import { isMarked, marked, need, repositoryApi, runUrl } from './api.mjs';

const [key = 'preview', file = ''] = process.argv.slice(2);
const number = need(process.env, 'PULL_REQUEST');
if (!/^\d+$/.test(number)) throw new Error(`PULL_REQUEST is "${number}", which is no number`);
const body = marked(key, readFileSync(file, 'utf8'), runUrl(process.env));
const api = repositoryApi(process.env);
const comments = await api.all(`/issues/${number}/comments`);
const own = comments.find((comment) => isMarked(comment, key));
if (!own) await api.send('POST', `/issues/${number}/comments`, { body });
else if (own.body !== body) await api.send('PATCH', `/issues/comments/${own.id}`, { body });
const did = !own ? 'written' : own.body === body ? 'unchanged' : 'updated';
process.stderr.write(`comment ${key} on pull request ${number}: ${did}\n`);
