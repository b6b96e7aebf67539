/** Whether a text ends a sentence or a clause, judged by its last characters. Pure. */

const closingMarks = String.raw`["'\u2019\u201d\u300d\u300f)\]\uff09\u3011\u00bb]*$`;
const sentenceEnd = new RegExp(String.raw`[.!?\u2026\u3002\uff01\uff1f\uff0e\u0964\u061f]${closingMarks}`, "u");
const clauseEnd = new RegExp(String.raw`[,;:\uff0c\uff1b\uff1a\u3001\u060c\u2013\u2014]${closingMarks}`, "u");
/** "Dr." and initials do not end a sentence. */
const abbreviation = /(?:^|[\s.(])(?:[A-Z]|Mr|Mrs|Ms|Dr|Prof|St|Jr|Sr|vs|etc|No|e\.g|i\.e)\.$/u;

export function endsSentence(text: string): boolean {
  const trimmed = text.trimEnd();
  return sentenceEnd.test(trimmed) && !abbreviation.test(trimmed);
}

export function endsClause(text: string): boolean {
  return clauseEnd.test(text.trimEnd());
}
