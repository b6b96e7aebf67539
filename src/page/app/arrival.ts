/** What the page says of a demo model, and of the model that is to take its place. In: what the server says. */

import { ApiFailure, call, type Download, type Info } from "./api.ts";
import { button, element } from "./dom.ts";
import { size } from "./format.ts";
import { fill, type Strings } from "./strings.ts";

const askMs = 2000;

/** Keeps itself up to date; undefined where there is nothing to say. */
export function arrivalNotice(info: Info, strings: Strings): HTMLElement | undefined {
  if (!info.demo) return undefined;
  const words = element("p", { role: "status" });
  const bar = element("progress", { "aria-label": strings.fetching, hidden: true });
  const notice = element("section", { class: "notice" }, element("p", {}, strings.demoModel), words, bar);
  if (info.download) void follow(info.download, { notice, words, bar }, strings);
  return notice;
}

type Parts = { readonly notice: HTMLElement; readonly words: HTMLElement; readonly bar: HTMLProgressElement };

async function follow(first: Download, parts: Parts, strings: Strings): Promise<void> {
  let download: Download | undefined = first;
  while (download) {
    show(download, parts, strings);
    await new Promise((resolve) => setTimeout(resolve, askMs));
    download = await next(download);
  }
  parts.bar.hidden = true;
  parts.notice.replaceChildren(
    element("p", { role: "status" }, fill(strings.modelIsHere, { model: first.model })),
    button(strings.reload, "primary", () => location.reload()),
  );
}

/** undefined: it serves now. While the server changes its model it does not answer. */
async function next(last: Download): Promise<Download | undefined> {
  try {
    const { demo, download } = await call<Info>("GET", "v1/info");
    return demo ? download ?? last : undefined;
  } catch (error) {
    if (error instanceof ApiFailure) return last;
    throw error;
  }
}

function show({ model, bytes_done: done, bytes_total: total, error }: Download, parts: Parts, strings: Strings): void {
  const { words, bar } = parts;
  bar.hidden = total === 0;
  if (total > 0) bar.value = done / total;
  const percent = String(Math.floor(100 * done / total));
  const text = error !== undefined
    ? fill(strings.modelFails, { model, error })
    : total === 0
    ? strings.fetching
    : fill(strings.modelComes, { model, percent, size: size(total) });
  if (words.textContent !== text) words.textContent = text;
}
