/**
 * Pairs rows with columns so that the sum of their values is largest (the Hungarian method, by shortest augmenting
 * paths with potentials; O(n^3)). Pure.
 */

/** For each row its column, -1 where there are more rows than columns and it has none. Values are finite. */
export function bestPairs(values: readonly (readonly number[])[]): number[] {
  const rows = values.length;
  const columns = values[0]?.length ?? 0;
  if (columns === 0) return values.map(() => -1);
  if (rows > columns) {
    const flipped = bestPairs(Array.from({ length: columns }, (_, column) => values.map((row) => row[column]!)));
    return values.map((_, row) => flipped.indexOf(row));
  }
  const rowPotential = new Float64Array(rows + 1);
  const columnPotential = new Float64Array(columns + 1);
  /** Row of each column, from 1; 0: none. */
  const rowOf = new Int32Array(columns + 1);
  for (let row = 1; row <= rows; row++) augment(values, row, { rowPotential, columnPotential, rowOf });
  const pairs = new Array<number>(rows).fill(-1);
  for (let column = 1; column <= columns; column++) if (rowOf[column]! > 0) pairs[rowOf[column]! - 1] = column - 1;
  return pairs;
}

type Matching = {
  readonly rowPotential: Float64Array;
  readonly columnPotential: Float64Array;
  readonly rowOf: Int32Array;
};

function augment(values: readonly (readonly number[])[], row: number, matching: Matching): void {
  const { rowPotential, columnPotential, rowOf } = matching;
  const columns = rowOf.length - 1;
  const slack = new Float64Array(columns + 1).fill(Infinity);
  const before = new Int32Array(columns + 1);
  const isUsed = new Uint8Array(columns + 1);
  rowOf[0] = row;
  let column = 0;
  do {
    isUsed[column] = 1;
    const from = rowOf[column]!;
    let [least, next] = [Infinity, 0];
    for (let to = 1; to <= columns; to++) {
      if (isUsed[to]) continue;
      const cost = -values[from - 1]![to - 1]! - rowPotential[from]! - columnPotential[to]!;
      if (cost < slack[to]!) [slack[to], before[to]] = [cost, column];
      if (slack[to]! < least) [least, next] = [slack[to]!, to];
    }
    for (let to = 0; to <= columns; to++) {
      if (isUsed[to]) {
        rowPotential[rowOf[to]!]! += least;
        columnPotential[to]! -= least;
      } else slack[to]! -= least;
    }
    column = next;
  } while (rowOf[column] !== 0);
  while (column !== 0) {
    rowOf[column] = rowOf[before[column]!]!;
    column = before[column]!;
  }
}
