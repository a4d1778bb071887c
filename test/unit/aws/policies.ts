/** A small evaluator of AWS policies, for the tests: says whether a request is allowed, as AWS's documentation does. */
import type { Statement } from '../../../components/aws/policy';

export interface Request {
  action: string;
  resource: string;
  /** Service or federated principal. Default: whom the policy hangs on. */
  principal?: string;
  /** Condition keys that the request carries. */
  context?: Record<string, string>;
}

export const statementsOf = (policy: unknown) =>
  (JSON.parse(policy as string) as { Statement: Statement[] }).Statement;

/** An explicit Deny wins, then any Allow; else it is refused (IAM User Guide, "Policy evaluation logic"). */
export function isAllowed(statements: Statement[], request: Request): boolean {
  const matching = statements.filter((one) => applies(one, request));
  return (
    !matching.some(({ Effect }) => Effect === 'Deny') && matching.some(({ Effect }) => Effect === 'Allow')
  );
}

function applies({ Action, Resource, Principal, Condition }: Statement, request: Request): boolean {
  return (
    // Actions are told without regard to case.
    Action.some((one) => matches(one.toLowerCase(), request.action.toLowerCase())) &&
    (Resource === undefined || Resource.some((one) => matches(one, request.resource))) &&
    (Principal === undefined ||
      Principal === '*' ||
      Object.values(Principal).includes(request.principal ?? '')) &&
    Object.entries(Condition ?? {}).every(([operator, keys]) =>
      Object.entries(keys).every(([key, wanted]) =>
        [wanted].flat().some((value) => holds(operator, value, request.context?.[key])),
      ),
    )
  );
}

function holds(operator: string, wanted: string, found: string | undefined): boolean {
  // A key that the request lacks fulfils no condition.
  if (found === undefined) return false;
  switch (operator) {
    case 'StringEquals':
    case 'Bool':
      return found === wanted;
    case 'ArnEquals':
    case 'ArnLike':
    case 'StringLike':
      return matches(wanted, found);
    default:
      throw new Error(`the evaluator does not know ${operator}`);
  }
}

/** `*` is any text, `?` any character. */
export function matches(pattern: string, text: string): boolean {
  const escaped = pattern
    .replace(/[.+^${}()|[\]\\]/g, '\\$&')
    .replace(/\*/g, '.*')
    .replace(/\?/g, '.');
  return new RegExp(`^${escaped}$`, 's').test(text);
}
