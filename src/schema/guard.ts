import {
  defaultFieldResolver,
  getNullableType,
  type GraphQLField,
  type GraphQLFieldResolver,
  type GraphQLSchema,
  isListType,
  isNonNullType,
  isObjectType,
  OperationTypeNode,
} from 'graphql';
import type { Role } from '../auth.js';
import { hasRole, requireRole, rolesOf, rolesOfField, rolesOfTheUnknown } from './access.js';
import type { GraphqlContext } from './context.js';

type Field = GraphQLField<unknown, GraphqlContext>;

/** Holds every field of the schema to the table of roles, whatever its resolver does. */
export function guardSchema(schema: GraphQLSchema): GraphQLSchema {
  for (const type of ['Query', 'Mutation', 'Subscription'] as const) {
    const fields: Record<string, Field> = schema.getRootType(rootOf[type])?.getFields() ?? {};
    for (const field of Object.values(fields)) guardRoot(field, rolesOf[type][field.name] ?? rolesOfTheUnknown);
  }
  for (const [path, roles] of Object.entries(rolesOfField)) {
    const [typeName = '', fieldName = ''] = path.split('.');
    const type = schema.getType(typeName);
    const field: Field | undefined = isObjectType(type) ? type.getFields()[fieldName] : undefined;
    if (field !== undefined) guardSensitive(field, roles);
  }
  return schema;
}

const rootOf = {
  Query: OperationTypeNode.QUERY,
  Mutation: OperationTypeNode.MUTATION,
  Subscription: OperationTypeNode.SUBSCRIPTION,
} as const;

/** A refusal comes before the resolver has looked at anything. */
function guardRoot(field: Field, roles: readonly Role[]): void {
  const door = field.subscribe === undefined ? 'resolve' : 'subscribe';
  const inner: GraphQLFieldResolver<unknown, GraphqlContext> = field[door] ?? defaultFieldResolver;
  field[door] = (source, args, context, info): unknown => {
    requireRole(context, ...roles);
    return inner(source, args, context, info);
  };
}

function guardSensitive(field: Field, roles: readonly Role[]): void {
  const inner: GraphQLFieldResolver<unknown, GraphqlContext> = field.resolve ?? defaultFieldResolver;
  const empty = isNonNullType(field.type) ? (isListType(getNullableType(field.type)) ? [] : undefined) : null;
  field.resolve = (source, args, context, info): unknown => {
    if (hasRole(context, ...roles)) return inner(source, args, context, info);
    if (empty === undefined) requireRole(context, ...roles);
    return empty;
  };
}
