/** The project that builds: its own commit decides what is made of the sources, as theirs does. */
import { describeFolder } from '../source/git';

let known: Promise<string> | undefined;

/** Commit of the project in the working directory, 40 hex digits; empty outside git and where something was edited since. */
export function projectCommit(): Promise<string> {
  known ??= describeFolder(process.cwd()).then(({ revision, isEdited }) => (isEdited ? '' : revision));
  return known;
}
