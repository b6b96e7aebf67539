/**
 * What the executable is made of, as a CycloneDX document. In: the table of THIRD_PARTY_NOTICES and its sections,
 * package.json. Out: JSON. Pure.
 */

/** A row: "  2. OpenBLAS               matrix products (Linux)              BSD-3-Clause, BSD-2-Clause". */
const row = /^ {1,2}(\d+)\. (.+?) {2,}(.+?) {2,}(.+)$/gm;

export function billOfMaterials(
  version: string,
  notices: string,
  packages: Readonly<Record<string, string>>,
): Record<string, unknown> {
  const parts = [...notices.matchAll(row)].map(([, number, name, role, licence]) => {
    const section = notices.split(new RegExp(`^${number}\\. .*\\n=+\\n`, "m"))[1]?.split(/^=+$/m)[0] ?? "";
    const known = versionOf(name!, section, packages);
    const [site] = /https:\/\/[^\s,)]+[^\s,).]/.exec(section) ?? [];
    return {
      ...{ type: "library", "bom-ref": `part-${number}`, name, description: role },
      ...known !== undefined && { version: known },
      ...packages[name!] !== undefined && { purl: `pkg:npm/${name}@${known}` },
      licenses: [{ license: { name: licence } }],
      ...site !== undefined && { externalReferences: [{ type: "website", url: site }] },
    };
  });
  const own = { type: "application", "bom-ref": "qwen-asr", name: "qwen-asr", version };
  return {
    ...{ bomFormat: "CycloneDX", specVersion: "1.5", version: 1 },
    metadata: { component: { ...own, licenses: [{ license: { id: "MIT" } }] } },
    components: parts,
    dependencies: [{ ref: "qwen-asr", dependsOn: parts.map((part) => part["bom-ref"]) }],
  };
}

/** The first number in the section that looks like one, where it is no package of ours. */
function versionOf(name: string, section: string, packages: Readonly<Record<string, string>>): string | undefined {
  if (packages[name] !== undefined) return packages[name];
  const start = section.split("\n").slice(0, 8).join("\n").replaceAll(/https:\S+|[Vv]ersion [\d.]+/g, "");
  return /(?<![\d.\w-])v?(\d+\.\d+(?:\.\d+)?)(?![\w-])/.exec(start)?.[1];
}
