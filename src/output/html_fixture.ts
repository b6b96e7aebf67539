/** Reads HTML with a parser of the runtime. In: a page. Out: its elements and texts; throws where tags do not match. */

export type ReadElement = {
  readonly tag: string;
  readonly attributes: Readonly<Record<string, string>>;
  /** Of everything in it. */
  text: string;
  /** Tags that it lies in, outermost first. */
  readonly path: readonly string[];
};

const empty = ["meta", "br"];

export function readHtml(page: string): readonly ReadElement[] {
  const [all, open]: [ReadElement[], ReadElement[]] = [[], []];
  let ended = 0;
  const decoded = (text: string) =>
    text.replace(
      /&(lt|gt|quot|amp|#39);/g,
      (_, name) => ({ lt: "<", gt: ">", quot: '"', amp: "&" })[name as "lt"] ?? "'",
    );
  new HTMLRewriter().on("*", {
    element(element) {
      const attributes = Object.fromEntries([...element.attributes].map(([name, value]) => [name, decoded(value!)]));
      const read = { tag: element.tagName, attributes, text: "", path: open.map(({ tag }) => tag) };
      all.push(read);
      if (empty.includes(read.tag)) return;
      open.push(read);
      element.onEndTag(({ name }) => {
        if (open.pop()?.tag !== name) throw new Error(`</${name}> closes another element`);
        ended++;
      });
    },
  }).onDocument({
    text({ text }) {
      for (const each of open) each.text += ["script", "style"].includes(open.at(-1)!.tag) ? text : decoded(text);
    },
    end() {
      if (open.length > 0 || ended === 0) throw new Error(`not closed: ${open.map(({ tag }) => tag).join()}`);
    },
  }).transform(page);
  return all;
}

/** The texts of the elements of a class, in order. */
export function textsOf(elements: readonly ReadElement[], name: string): string[] {
  return elements.filter(({ attributes }) => attributes["class"]?.split(" ").includes(name)).map(({ text }) => text);
}
