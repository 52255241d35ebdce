import {
  getNamedType,
  getNullableType,
  getOperationAST,
  GraphQLID,
  type GraphQLNamedType,
  type GraphQLSchema,
  isCompositeType,
  isInterfaceType,
  isLeafType,
  isNonNullType,
  isObjectType,
  isUnionType,
  OperationTypeNode,
  parse,
} from 'graphql';
import { weighOperation } from '../../src/schema/limits.js';
import { type Fill, type RootField, rootFields, type SchemaField, writeArguments } from '../support/schema-walk.js';

/** One step from an object to a field of it; in a union, of one of its types. */
interface Step {
  readonly type: string | undefined;
  readonly field: SchemaField;
}

/** A way from the root to an object, through fields that lead to objects. */
export interface Chain {
  readonly root: RootField;
  readonly steps: readonly Step[];
  /** "Query.wallet.transactions.edges" */
  readonly path: string;
}

const STEPS_MAX = 4;

/** Every way through the schema that one operation may ask for, up to a depth, and that passes no type a third time. */
export function chainsOf(schema: GraphQLSchema): Chain[] {
  return rootFields(schema).flatMap((root) => {
    const chains: Chain[] = [];
    const walk = (steps: readonly Step[], types: readonly string[], end: GraphQLNamedType): void => {
      if (isOverLimits(writeProbe(schema, { root, steps, path: '' }, smallest))) return;
      chains.push({ root, steps, path: [root.path, ...steps.map(nameOfStep)].join('.') });
      if (steps.length === STEPS_MAX) return;
      for (const each of stepsFrom(schema, end)) {
        const next = getNamedType(each.field.type);
        if (isFlat(next) || types.filter((name) => name === next.name).length > 1) continue;
        walk([...steps, each], [...types, next.name], next);
      }
    };
    const type = getNamedType(root.field.type);
    walk([], [type.name], type);
    return chains;
  });
}

const smallest: Fill = ({ name, required, type, options }) => {
  if (name === 'first') return '3';
  if (!required) return undefined;
  if (type === 'Int') return '1';
  if (type === 'Boolean') return 'true';
  return options[0] ?? '"2026-01-01T00:00:00Z"';
};

/** What nobody may ask needs no probe. */
function isOverLimits(text: string): boolean {
  const document = parse(text);
  const operation = getOperationAST(document);
  return !operation || weighOperation(document, operation, {}).excess !== undefined;
}

function nameOfStep({ type, field }: Step): string {
  return type === undefined ? field.name : `${type}:${field.name}`;
}

function stepsFrom(schema: GraphQLSchema, type: GraphQLNamedType): Step[] {
  const inUnion = isUnionType(type) || isInterfaceType(type);
  const objects = inUnion ? schema.getPossibleTypes(type) : isObjectType(type) ? [type] : [];
  return objects.flatMap((object) =>
    Object.values(object.getFields())
      .filter((field) => isCompositeType(getNamedType(field.type)))
      .map((field: SchemaField) => ({ type: inUnion ? object.name : undefined, field })),
  );
}

/** Money and the like: part of the object it belongs to. */
function isFlat(type: GraphQLNamedType): boolean {
  if (!isObjectType(type)) return isLeafType(type);
  return Object.values(type.getFields()).every(
    ({ type: each, args }) => isLeafType(getNamedType(each)) && args.length === 0,
  );
}

/** The names of all arguments along a chain, with those inside of inputs: what may be aimed at. */
export function argumentsOf(chain: Chain): string[] {
  const names = new Set<string>();
  const note: Fill = ({ name }) => {
    names.add(name);
    return '1';
  };
  for (const { args } of [chain.root.field, ...chain.steps.map(({ field }) => field)]) writeArguments(args, note);
  return [...names];
}

/** The operation that asks for all that can be seen along a chain. */
export function writeProbe(schema: GraphQLSchema, { root, steps }: Chain, fill: Fill): string {
  const selection = (type: GraphQLNamedType, rest: readonly Step[]): string => {
    const [step, ...further] = rest;
    if (step === undefined) {
      const leaves = leavesOf(schema, type);
      return leaves === '' ? '' : `{ ${leaves} }`;
    }
    const { field } = step;
    const inner = `${field.name}${writeArguments(field.args, fill)} ${selection(getNamedType(field.type), further)}`;
    const deeper = step.type === undefined ? inner : `... on ${step.type} { deeper: ${inner} }`;
    // Whose it is; what else is on the way is at the end of a shorter chain.
    const names = isObjectType(type) ? Object.values(type.getFields()) : [];
    const ids = names.filter((each) => getNullableType(each.type) === GraphQLID).map(({ name }) => name);
    return `{ ${['__typename', ...ids].join(' ')} ${deeper} }`;
  };
  const { operation, field } = root;
  return `${operation} { ${field.name}${writeArguments(field.args, fill)} ${selection(getNamedType(field.type), steps)} }`;
}

function leavesOf(schema: GraphQLSchema, type: GraphQLNamedType): string {
  if (isLeafType(type)) return '';
  if (isObjectType(type)) return leafNames(type, () => false);
  if (!isUnionType(type) && !isInterfaceType(type)) return '__typename';
  const seen = new Set<string>();
  // One name may be of two types in two members.
  const parts = schema.getPossibleTypes(type).map((each) => {
    const leaves = leafNames(each, (name) => seen.has(name));
    for (const name of Object.keys(each.getFields())) seen.add(name);
    return `... on ${each.name} { ${leaves} }`;
  });
  return `__typename ${parts.join(' ')}`;
}

function leafNames(type: GraphQLNamedType, isTaken: (name: string) => boolean): string {
  if (!isObjectType(type)) return '';
  const names = Object.values(type.getFields()).flatMap((field) => {
    const inner = getNamedType(field.type);
    if (isTaken(field.name) || field.args.some((each) => isNonNullType(each.type) && each.defaultValue === undefined))
      return [];
    if (isLeafType(inner)) return [field.name];
    if (!isFlat(inner) || !isObjectType(inner)) return [];
    return [`${field.name} { ${Object.keys(inner.getFields()).join(' ')} }`];
  });
  return ['__typename', ...names].join(' ');
}

export function isMutation({ root }: Chain): boolean {
  return root.operation === OperationTypeNode.MUTATION;
}
