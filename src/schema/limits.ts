import {
  type DocumentNode,
  type FieldNode,
  type FragmentDefinitionNode,
  Kind,
  type OperationDefinitionNode,
  type SelectionSetNode,
  visit,
} from 'graphql';
import { PAGE_SIZE_DEFAULT, PAGE_SIZE_MAX } from './paging.js';

/** What one operation may be, on HTTP and WebSocket alike. */
export const limits = {
  /** Of the document, in bytes; checked before it is parsed. */
  documentBytesMax: 16_384,
  /** The parser stops here. */
  tokensMax: 1_000,
  /** Fields inside each other, fragments opened. */
  depthMax: 10,
  aliasesMax: 30,
  /** Top-level fields, repeated ones included. */
  rootFieldsMax: 10,
  directivesMax: 30,
  /** Fields that may have to be resolved, each page taken at the size it asks for. */
  costMax: 10_000,
} as const;

/** A request body: the document, its name and its variables. */
export const BODY_BYTES_MAX = 65_536;

interface Weight {
  readonly depth: number;
  readonly aliases: number;
  readonly directives: number;
  readonly fields: number;
  readonly cost: number;
}

const nothing: Weight = { depth: 0, aliases: 0, directives: 0, fields: 0, cost: 0 };

/** What an operation weighs: its cost in fields that may have to be resolved, and what is over its limit, in words. */
export interface Weighing {
  readonly cost: number;
  readonly excess: string | undefined;
}

/** Weighings of one operation are kept by the sizes of its pages, the only variables that matter; a few sizes are usual. */
const WEIGHINGS_MAX = 32;
interface Weighed {
  readonly sizeVariables: readonly string[];
  readonly bySizes: Map<string, Weighing>;
}
const weighed = new WeakMap<OperationDefinitionNode, Weighed>();

/**
 * Weighs an operation with its fragments opened, each fragment once, so a fragment that doubles another a hundred times over
 * is weighed as fast as it is written. An operation that comes again is not weighed again.
 */
export function weighOperation(
  document: DocumentNode,
  operation: OperationDefinitionNode,
  variables: Readonly<Record<string, unknown>>,
): Weighing {
  let known = weighed.get(operation);
  if (known === undefined) {
    weighed.set(operation, (known = { sizeVariables: sizeVariablesOf(document), bySizes: new Map() }));
  }
  const sizes = known.sizeVariables.map((name) => String(variables[name])).join();
  const before = known.bySizes.get(sizes);
  if (before !== undefined) return before;
  const weight = weigh(document, operation, variables);
  const weighing = { cost: weight.cost, excess: excessOf(weight) };
  if (known.bySizes.size < WEIGHINGS_MAX) known.bySizes.set(sizes, weighing);
  return weighing;
}

function sizeVariablesOf(document: DocumentNode): string[] {
  const names = new Set<string>();
  visit(document, {
    [Kind.ARGUMENT]({ name, value }) {
      if ((name.value === 'first' || name.value === 'last') && value.kind === Kind.VARIABLE)
        names.add(value.name.value);
    },
  });
  return [...names];
}

function excessOf({ depth, aliases, directives, fields, cost }: Weight): string | undefined {
  if (depth > limits.depthMax) return `The operation is deeper than ${limits.depthMax} fields.`;
  if (aliases > limits.aliasesMax) return `The operation has more than ${limits.aliasesMax} aliases.`;
  if (directives > limits.directivesMax) return `The operation has more than ${limits.directivesMax} directives.`;
  if (fields > limits.rootFieldsMax) return `The operation has more than ${limits.rootFieldsMax} top-level fields.`;
  if (cost > limits.costMax) {
    return `The operation could have to resolve more than ${limits.costMax} fields; ask for smaller pages or fewer fields.`;
  }
  return undefined;
}

function weigh(
  document: DocumentNode,
  operation: OperationDefinitionNode,
  variables: Readonly<Record<string, unknown>>,
): Weight {
  const fragments = new Map<string, FragmentDefinitionNode>();
  for (const each of document.definitions)
    if (each.kind === Kind.FRAGMENT_DEFINITION) fragments.set(each.name.value, each);
  const weights = new Map<string, Weight>();

  function weighFragment(name: string): Weight {
    const known = weights.get(name);
    if (known !== undefined) return known;
    // Stands in while the fragment itself is weighed: a cycle, which validation refuses anyway, ends here.
    weights.set(name, nothing);
    const fragment = fragments.get(name);
    const weight = fragment === undefined ? nothing : weighSelections(fragment.selectionSet);
    weights.set(name, weight);
    return weight;
  }

  function weighSelections({ selections }: SelectionSetNode): Weight {
    let sum = nothing;
    for (const selection of selections) {
      const inner =
        selection.kind === Kind.FIELD
          ? weighField(selection)
          : selection.kind === Kind.FRAGMENT_SPREAD
            ? weighFragment(selection.name.value)
            : weighSelections(selection.selectionSet);
      sum = {
        depth: Math.max(sum.depth, inner.depth),
        aliases: sum.aliases + inner.aliases,
        directives: sum.directives + inner.directives + (selection.directives?.length ?? 0),
        fields: sum.fields + inner.fields,
        cost: sum.cost + inner.cost,
      };
    }
    return sum;
  }

  function weighField(field: FieldNode): Weight {
    // Only where introspection is on; it never leaves memory, and GraphQL bounds its depth itself.
    if (field.name.value === '__schema' || field.name.value === '__type')
      return { ...nothing, depth: 1, fields: 1, cost: 1 };
    const inner = field.selectionSet === undefined ? nothing : weighSelections(field.selectionSet);
    return {
      depth: inner.depth + 1,
      aliases: inner.aliases + (field.alias === undefined ? 0 : 1),
      directives: inner.directives,
      fields: 1,
      cost: 1 + inner.cost * pageSizeOf(field, variables),
    };
  }

  const weight = weighSelections(operation.selectionSet);
  return { ...weight, directives: weight.directives + (operation.directives?.length ?? 0) };
}

/** Lists without a page argument are short: wallets of a player, integrations of a brand, rules of one, kinds of game. */
const SHORT_LISTS: Readonly<Record<string, number>> = {
  wallets: 5,
  money: 10,
  integrations: 20,
  policy: 10,
  categories: 20,
  features: 20,
  links: 1_000,
  proofKeys: 5,
  report: 200,
  moneyAtRisk: 40,
};
const PAGED = new Set(['transactions', 'games', 'sessions', 'adjustments', 'rounds', 'callbacks']);

function pageSizeOf(field: FieldNode, variables: Readonly<Record<string, unknown>>): number {
  if (!PAGED.has(field.name.value)) return SHORT_LISTS[field.name.value] ?? 1;
  const sizes = (field.arguments ?? [])
    .filter(({ name }) => name.value === 'first' || name.value === 'last')
    .map(({ value }) => {
      if (value.kind === Kind.INT) return Number(value.value);
      return value.kind === Kind.VARIABLE ? variables[value.name.value] : undefined;
    })
    .filter((size) => typeof size === 'number');
  // A size out of range is refused when the field is resolved, for this price.
  return sizes.length === 0 ? PAGE_SIZE_DEFAULT : Math.min(Math.max(...sizes, 1), PAGE_SIZE_MAX);
}
