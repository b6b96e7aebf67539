/** Where recordings come in: dropped or chosen files and folders, samples. Out: files, by `onFiles`. */

import { bytesOf } from "./api.ts";
import { button, type Child, element, icon } from "./dom.ts";
import type { Strings } from "./strings.ts";

/** What a folder may hold that is worth hearing; a file that is chosen by itself may be anything. */
const extensions = new Set(
  ("wav mp3 m4a m4b aac flac ogg oga opus wma aif aiff amr ac3 w64 au " +
    "mp4 m4v mkv mka mov avi webm mpg mpeg ts m2ts flv 3gp wmv").split(" "),
);

export type Intake = {
  readonly element: HTMLElement;
  /** What stands beside the buttons for files. */
  readonly buttons: HTMLElement;
};

export function createIntake(
  strings: Strings,
  samples: readonly string[],
  onFiles: (files: readonly File[]) => void,
  onProblem: (message: string) => void,
): Intake {
  const files = element("input", {
    type: "file",
    multiple: true,
    hidden: true,
    accept: "audio/*,video/*,.mkv,.flac,.opus,.amr",
  });
  const folder = element("input", { type: "file", webkitdirectory: true, hidden: true });
  const take = (chosen: readonly File[]) => chosen.length > 0 ? onFiles(chosen) : onProblem(strings.noFiles);
  files.onchange = () => take(emptied(files));
  folder.onchange = () => take(emptied(folder).filter(isRecording));
  const buttons = element(
    "div",
    { class: "buttons" },
    button(strings.chooseFiles, "primary", () => files.click(), icon("upload")),
  );
  const zone = element(
    "div",
    { class: "zone" },
    element("h2", { class: "with-mouse" }, strings.drop),
    element("h2", { class: "by-touch" }, strings.give),
    element("p", { class: "dim" }, strings.dropMore),
    buttons,
    element("p", { class: "folder" }, button(strings.chooseFolder, "link", () => folder.click())),
    samples.length > 0 && element("p", { class: "samples" }, strings.orTry, ...sampleButtons()),
    files,
    folder,
  );

  function sampleButtons(): Child[] {
    const labels: Readonly<Record<string, string>> = {
      "english.opus": strings.sampleEnglish,
      "mandarin.opus": strings.sampleMandarin,
    };
    return samples.flatMap((name) => [" ", button(labels[name] ?? name, "link", () => void fetchSample(name))]);
  }

  async function fetchSample(name: string): Promise<void> {
    try {
      onFiles([new File([await bytesOf(`v1/samples/${encodeURIComponent(name)}`)], name)]);
    } catch (error) {
      onProblem((error as Error).message);
    }
  }

  acceptDrops(zone, take, (error) => onProblem((error as Error).message));
  return { element: zone, buttons };
}

/** The files, and the input as it was: the same file may be chosen again. */
function emptied(input: HTMLInputElement): File[] {
  const files = [...input.files ?? []];
  input.value = "";
  return files;
}

function isRecording({ name, type }: File): boolean {
  return /^(?:audio|video)\//.test(type) || extensions.has(name.split(".").at(-1)!.toLowerCase());
}

/** Drops count wherever they fall: a file that misses would replace the page. */
function acceptDrops(
  zone: HTMLElement,
  take: (files: readonly File[]) => void,
  onFailure: (error: unknown) => void,
): void {
  const hasFiles = (event: DragEvent) => event.dataTransfer?.types.includes("Files") ?? false;
  document.addEventListener("dragover", (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    zone.classList.add("over");
  });
  document.addEventListener("dragleave", (event) => {
    if (event.relatedTarget === null) zone.classList.remove("over");
  });
  document.addEventListener("drop", (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    zone.classList.remove("over");
    // Entries have to be asked for before anything is awaited.
    const entries = [...event.dataTransfer!.items].map((item) => item.webkitGetAsEntry());
    const files = [...event.dataTransfer!.files];
    void filesOf(entries).then((found) => take(entries.some(Boolean) ? found : files)).catch(onFailure);
  });
}

async function filesOf(entries: readonly (FileSystemEntry | null)[]): Promise<File[]> {
  const found: File[] = [];
  for (const entry of entries) {
    if (entry?.isFile) found.push(await fileOf(entry as FileSystemFileEntry));
    else if (entry?.isDirectory) found.push(...await filesBelow(entry as FileSystemDirectoryEntry));
  }
  return found;
}

async function filesBelow(folder: FileSystemDirectoryEntry): Promise<File[]> {
  const reader = folder.createReader();
  const entries: FileSystemEntry[] = [];
  for (;;) { // A reader tells a hundred at a time.
    const some = await new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject));
    if (some.length === 0) break;
    entries.push(...some);
  }
  const sorted = entries.toSorted((a, b) => a.name.localeCompare(b.name, undefined, { numeric: true }));
  return (await filesOf(sorted)).filter(isRecording);
}

function fileOf(entry: FileSystemFileEntry): Promise<File> {
  return new Promise((resolve, reject) => entry.file(resolve, reject));
}
