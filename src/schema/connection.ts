import { Field, ObjectType } from 'type-graphql';
import { type PageEdge, PageInfoObject, type PageOfRows } from './paging.js';

/** What a list is of, and in which words its edges are described. */
export interface EdgesOf<Row, Node extends object> {
  /** Name of the type, such as "Round"; its edge and its connection are called after it. */
  readonly name: string;
  /** The type that shows a row; asked for late, because types name each other in circles. */
  readonly node: () => new (row: Row) => Node;
  /** What one is called in a sentence, with its article: "a round". */
  readonly one: string;
}

export interface ListOf<Row, Node extends object> extends EdgesOf<Row, Node> {
  /** The list's order, as a sentence: "Newest first." */
  readonly order: string;
}

/** The type of an edge. Its cursor is written when somebody asks for it. */
export function edgeOf<Row, Node extends object>({ name, node, one }: EdgesOf<Row, Node>) {
  @ObjectType(`${name}Edge`, { description: `${capitalised(one)} in a list.` })
  class EdgeObject {
    readonly edge: PageEdge<Row>;

    @Field(node, { description: `The ${nounOf(one)}.` })
    readonly node: Node;

    constructor(edge: PageEdge<Row>) {
      this.edge = edge;
      const NodeObject = node();
      this.node = new NodeObject(edge.row);
    }

    @Field(() => String, { description: 'Opaque; valid for the same list with the same filter.' })
    get cursor(): string {
      return this.edge.cursor;
    }
  }
  return EdgeObject;
}

/** The type of a page, by Relay's rules for connections. */
export function connectionOf<Row, Node extends object>(list: ListOf<Row, Node>) {
  const Edge = edgeOf(list);

  @ObjectType(`${list.name}Connection`, {
    description: `A page of ${nounOf(list.one)}s. ${list.order}`,
  })
  class ConnectionObject {
    @Field(() => [Edge], { description: list.order })
    readonly edges: readonly InstanceType<typeof Edge>[];

    @Field(() => PageInfoObject, { description: 'Where the page stands in the list.' })
    readonly pageInfo: PageInfoObject;

    constructor({ edges, pageInfo }: PageOfRows<Row>) {
      this.edges = edges.map((edge) => new Edge(edge));
      this.pageInfo = pageInfo;
    }
  }
  return ConnectionObject;
}

function nounOf(one: string): string {
  return one.replace(/^an? /, '');
}

function capitalised(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
