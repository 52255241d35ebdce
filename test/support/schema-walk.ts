import {
  getNamedType,
  getNullableType,
  type GraphQLArgument,
  type GraphQLField,
  type GraphQLInputField,
  type GraphQLInputType,
  type GraphQLSchema,
  isEnumType,
  isInputObjectType,
  isLeafType,
  isListType,
  isNonNullType,
  OperationTypeNode,
} from 'graphql';

export type SchemaField = GraphQLField<unknown, unknown>;

export interface RootField {
  readonly operation: OperationTypeNode;
  /** "Query.wallet" */
  readonly path: string;
  readonly field: SchemaField;
}

export function rootFields(schema: GraphQLSchema): RootField[] {
  return Object.values(OperationTypeNode).flatMap((operation) => {
    const type = schema.getRootType(operation);
    const fields: SchemaField[] = Object.values(type?.getFields() ?? {});
    return fields.map((field) => ({ operation, path: `${String(type?.name)}.${field.name}`, field }));
  });
}

/** What an argument or input field is given, as GraphQL writes it; undefined leaves it out. */
export type Fill = (asked: {
  /** Its own name: "playerId". */
  readonly name: string;
  /** Of the scalar or enum at the bottom: "ID". */
  readonly type: string;
  readonly required: boolean;
  readonly options: readonly string[];
}) => string | undefined;

/** @returns "(a: 1, b: {…})", or nothing when no argument is given */
export function writeArguments(args: readonly GraphQLArgument[], fill: Fill): string {
  const written = writeEach(args, fill);
  return written.length === 0 ? '' : `(${written.join(', ')})`;
}

function writeEach(args: readonly (GraphQLArgument | GraphQLInputField)[], fill: Fill): string[] {
  return args.flatMap((each) => {
    const value = writeValue(each.name, each.type, isRequired(each), fill);
    return value === undefined ? [] : [`${each.name}: ${value}`];
  });
}

function isRequired({ type, defaultValue }: GraphQLArgument | GraphQLInputField): boolean {
  return isNonNullType(type) && defaultValue === undefined;
}

function writeValue(name: string, given: GraphQLInputType, required: boolean, fill: Fill): string | undefined {
  const type = getNullableType(given);
  if (isListType(type)) {
    const item = writeValue(name, type.ofType, required, fill);
    return item === undefined ? undefined : `[${item}]`;
  }
  if (isInputObjectType(type)) {
    const fields = writeEach(Object.values(type.getFields()), fill);
    return fields.length === 0 && !required ? undefined : `{ ${fields.join(', ')} }`;
  }
  const options = isEnumType(type) ? type.getValues().map((each) => each.name) : [];
  return fill({ name, type: type.name, required, options });
}

/** The smallest thing that can be asked of a field. */
export function smallestSelection({ type }: SchemaField): string {
  return isLeafType(getNamedType(type)) ? '' : '{ __typename }';
}
