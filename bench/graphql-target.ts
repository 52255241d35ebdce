import { ApolloServer } from '@apollo/server';
import { expressMiddleware } from '@as-integrations/express5';
import express from 'express';
import fastify from 'fastify';
import mercurius from 'mercurius';
import { createResolvers, typeDefs } from './baselines/wallet-page.js';

/** `graphql-target.ts <mercurius|apollo> <port> <database url>`: a baseline of `npm run bench:graphql` as a process. */
const [kind, port = '0', databaseUrl = ''] = process.argv.slice(2);
const resolvers = createResolvers(databaseUrl);
const address = { port: Number(port), host: '127.0.0.1' };

if (kind === 'mercurius') {
  const app = fastify();
  await app.register(mercurius, { schema: typeDefs, resolvers, jit: 1 });
  await app.listen(address);
} else {
  const apollo = new ApolloServer({ typeDefs, resolvers });
  await apollo.start();
  express().use('/graphql', express.json(), expressMiddleware(apollo)).listen(address.port, address.host);
}
