import { type GraphQLFieldResolver, type GraphQLSchema, isObjectType } from 'graphql';
import { getMetadataStorage } from 'type-graphql';
import type { GraphqlContext } from './context.js';

type Method = (context: GraphqlContext) => unknown;

/**
 * type-graphql calls every field through the same general machinery, which costs more than most of our fields do. Here the plain
 * ones are read as what they are: a property, or a method that takes nothing but the context. Roots are always instances of
 * their classes, because every resolver makes them so.
 */
export function readPlainly(schema: GraphQLSchema): GraphQLSchema {
  const { objectTypes, fieldResolvers } = getMetadataStorage();
  for (const { name: typeName, target, fields = [] } of objectTypes) {
    const type = schema.getType(typeName);
    if (!isObjectType(type)) continue;
    const own = type.getFields();
    for (const { name, schemaName } of fields) {
      const field = own[schemaName];
      if (field === undefined || name !== schemaName) continue;
      const resolver = fieldResolvers.find((each) => each.methodName === name && each.getObjectType?.() === target);
      if (resolver === undefined || isGetter(target, name)) {
        delete field.resolve;
      } else if (resolver.kind === 'internal' && resolver.params?.every(({ kind }) => kind === 'context') === true) {
        const read: GraphQLFieldResolver<Readonly<Record<string, Method>>, GraphqlContext> = (root, _args, context) =>
          root[name]?.(context);
        field.resolve = read;
      }
    }
  }
  return schema;
}

function isGetter(target: { readonly prototype?: object }, name: string): boolean {
  return target.prototype !== undefined && Object.getOwnPropertyDescriptor(target.prototype, name)?.get !== undefined;
}
