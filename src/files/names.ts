/**
 * Names the files that a run writes. In: formats, -o, the inputs. Out: a path per recording and format. Pure: the
 * caller says what is a folder.
 */

import { isUrl } from "../audio/url.ts";
import { basename, dirname, join } from "../path_bytes.ts";
import { UsageError } from "../errors.ts";
import { withoutSecrets } from "../secrets.ts";
import { printable } from "../writer.ts";
import { extensionOf, type Format, formatOf, holdsSeveral } from "../output/formats.ts";

/** The paths of one recording, in the order of the formats. */
export type RecordingPaths = readonly { readonly format: Format; readonly path: string }[];

export type OutputPlace = {
  readonly formats: readonly Format[];
  /** -o as given. */
  readonly path: string;
  /** It is a folder, or ends like one: every recording gets files in it. */
  readonly isFolder: boolean;
  /** It is there and neither file nor folder: a pipe or a device, written as it is named. */
  readonly isSpecial: boolean;
};

/**
 * `inputs`: paths, "-" for standard input; `folders`: where their outputs lie in that of -o, "" for none. Throws
 * UsageError where two outputs would be one file.
 */
export function outputPaths(
  place: OutputPlace,
  inputs: readonly string[],
  folders: readonly string[] = [],
): RecordingPaths[] {
  const { formats, path, isFolder, isSpecial } = place;
  if (isSpecial && formats.length > 1) {
    throw new UsageError(`-o ${path} is no file: it takes one format, got ${formats.join()}`);
  }
  const named = isFolder || isSpecial || formats.join() === "text" ? undefined : formatOf(path);
  if (
    named !== undefined && named !== "text" && !formats.some((format) => `${format}-`.startsWith(`${named}-`))
  ) {
    throw new UsageError(`-o ${printable(path)} is the name of a ${named} file, and -f says ${formats.join()}`);
  }
  const alone = formats.find((format) => !holdsSeveral(format));
  if (!isFolder && inputs.length > 1 && alone !== undefined) {
    throw new UsageError(
      `-f ${alone} takes one input per file, got ${inputs.length} (-o FOLDER/ writes one for each)`,
    );
  }
  const paths = inputs.map((input, index) =>
    formats.map((format) => ({
      format,
      path: isFolder
        ? join(folderIn(path, folders[index]), `${stem(input)}.${extensionOf(format)}`)
        : namedPath(place, format),
    }))
  );
  if (isFolder) refuseTwins(paths, inputs);
  return paths;
}

/** The folder of a recording's outputs. */
export function folderIn(path: string, folder = ""): string {
  return folder === "" ? path : join(path, folder);
}

/** "talk" of "a/talk.wav" and of "https://example.org/talk.mp3?from=feed". */
function stem(input: string): string {
  const path = isUrl(input) ? withoutSecrets(input).replace(/[?#].*$/, "").replace(/:\/\/[^/]*@/, "://") : input;
  return input === "-" ? "stdin" : splitName(basename(path))[0];
}

/**
 * "talk" and ".wav" of "talk.wav". An extension has a letter and no space: "1.1 Lesson", "Lesson 1.1" and ".hidden"
 * have none.
 */
function splitName(name: string): [string, string] {
  const at = name.search(/(?<=.)\.(?=\w*[a-z])\w+$/i);
  return at < 0 ? [name, ""] : [name.slice(0, at), name.slice(at)];
}

/** Where words or text go that are no format: into the folder under the recording's name, else where they were told. */
export function textPath({ path, isFolder }: Pick<OutputPlace, "path" | "isFolder">, input: string, extension: string) {
  return isFolder ? join(path, `${stem(input)}.${extension}`) : path;
}

/** `-o talk` is talk.srt; `-o talk.srt` as well; text alone goes where it was told to. */
function namedPath({ formats, path, isSpecial }: OutputPlace, format: Format): string {
  const isAlone = formats.length === 1;
  if (isAlone && (isSpecial || format === "text")) return path;
  const named = formatOf(path);
  if (isAlone && format === "vtt-words" && named === "vtt") return path;
  const base = named !== undefined && formats.includes(named) ? path.slice(0, path.lastIndexOf(".")) : path;
  return `${base}.${extensionOf(format)}`;
}

/** The file of a recording until it is complete: "talk.part.srt" for "talk.srt". */
export function partName(path: string): string {
  return withMark(path, "part");
}

/** "talk.rescued.srt", "talk.rescued.2.srt": where the text goes when "talk.srt" cannot be had. */
export function rescuedName(name: string, number: number): string {
  return withMark(name, number === 1 ? "rescued" : `rescued.${number}`);
}

/** The mark goes before the extension, so that programs still know the format. */
function withMark(path: string, mark: string): string {
  const [front, extension] = splitName(basename(path));
  return join(dirname(path), `${front}.${mark}${extension}`);
}

function refuseTwins(paths: readonly RecordingPaths[], inputs: readonly string[]): void {
  const owners = new Map<string, string>();
  for (const [index, recording] of paths.entries()) {
    for (const { path } of recording) {
      for (const taken of [path, partName(path)]) {
        const other = owners.get(taken);
        if (other !== undefined) {
          throw new UsageError(`${other} and ${inputs[index]} would both be written to ${taken}`);
        }
        owners.set(taken, inputs[index]!);
      }
    }
  }
}
