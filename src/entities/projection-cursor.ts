import { defineEntity, type InferEntity, p } from '@mikro-orm/core';

/** The last unit of a lane that a projection has taken in. It moves in the same database transaction as the projection. */
export const ProjectionCursor = defineEntity({
  name: 'ProjectionCursor',
  tableName: 'projection_cursor',
  properties: {
    projection: p.text().primary(),
    lane: p.smallint().primary(),
    number: p.bigint(),
  },
  checks: [{ name: 'projection_cursor_not_negative', expression: 'number >= 0' }],
});
export type ProjectionCursor = InferEntity<typeof ProjectionCursor>;
