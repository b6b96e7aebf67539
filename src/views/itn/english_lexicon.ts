/** Words that numbers are made of and words that tell what a number means. Data alone; everything is lower case. */

const list = (words: string): string[] => words.split(/\s+/).filter((word) => word !== "");
const set = (words: string): ReadonlySet<string> => new Set(list(words));
const numbered = (words: string, first: number, step = 1): ReadonlyMap<string, number> =>
  new Map(list(words).map((word, index) => [word, first + index * step]));

export const units = numbered("one two three four five six seven eight nine", 1);
export const teens = numbered(
  "ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen",
  10,
);
export const tens = new Map([
  ...numbered("twenty thirty forty fifty sixty seventy eighty ninety", 20, 10),
  ["fourty", 40] as const,
]);
export const zeros = set("zero oh o");
/** Words that stand for one digit in strings of them. */
export const digits: ReadonlyMap<string, string> = new Map([
  ...[...zeros].map((word) => [word, "0"] as const),
  ...[...units].map(([word, value]) => [word, String(value)] as const),
]);

export const unitOrdinals = numbered("first second third fourth fifth sixth seventh eighth ninth", 1);
export const teenOrdinals = numbered(
  "tenth eleventh twelfth thirteenth fourteenth fifteenth sixteenth seventeenth eighteenth nineteenth",
  10,
);
export const tenOrdinals = numbered(
  "twentieth thirtieth fortieth fiftieth sixtieth seventieth eightieth ninetieth",
  20,
  10,
);

/** What a group of up to three digits is multiplied by, with Indian English. */
export const scales: ReadonlyMap<string, bigint> = new Map([
  ["thousand", 10n ** 3n],
  ["lakh", 10n ** 5n],
  ["million", 10n ** 6n],
  ["crore", 10n ** 7n],
  ["billion", 10n ** 9n],
  ["trillion", 10n ** 12n],
  ["quadrillion", 10n ** 15n],
  ["quintillion", 10n ** 18n],
  ["sextillion", 10n ** 21n],
]);
export const scaleOrdinals = new Map([...scales].map(([word, value]) => [`${word}th`, value]));

/** "nineteen eighties": what the plural adds to the century. */
export const decades = new Map([
  ...numbered("tens twenties thirties forties fifties sixties seventies eighties nineties", 10, 10),
  ["hundreds", 0] as const,
]);

export const months = set(
  "january february march april may june july august september october november december",
);
/** Months that are also other words, so that only the capital tells. */
export const doubtfulMonths = set("may march");

/** Currencies that a sign in front replaces, by the words that may follow the number. */
export const currencies: ReadonlyMap<string, string> = new Map([
  ["dollar", "$"],
  ["dollars", "$"],
  ["euro", "€"],
  ["euros", "€"],
  ["yen", "¥"],
  ["won", "₩"],
  ["pound", "£"],
  ["pounds", "£"],
]);
export const subunits: ReadonlyMap<string, string> = new Map([
  ["cent", "$€"],
  ["cents", "$€"],
  ["penny", "£"],
  ["pence", "£"],
]);
/** Words shortly before a number of pounds that make it money rather than a weight. */
export const priceWords = set(
  `
  cost costs costing paid pay pays paying price priced prices worth spend spends spent spending charge
  charges charged fee fees fine fined salary wage wages bill earn earns earned budget rent owe owes owed
  donated donate raised invest invested tax fare deposit cash
`,
);

/** Units: a number before one of them is a quantity. */
export const measures = set(
  `
  percent degree degrees celsius fahrenheit kelvin meter meters metre metres kilometer kilometers kilometre
  kilometres centimeter centimeters centimetre centimetres millimeter millimeters millimetre millimetres
  micrometers nanometers inch inches foot feet yard yards mile miles acre acres hectare hectares gram grams
  gramme grammes kilogram kilograms kilo kilos milligram milligrams ton tons tonne tonnes ounce ounces pound
  pounds stone liter liters litre litres milliliter milliliters millilitre millilitres gallon gallons pint
  pints quart quarts cup cups teaspoon teaspoons tablespoon tablespoons second seconds minute minutes hour
  hours day days week weeks month months year years decade decades century centuries volt volts watt watts
  kilowatt kilowatts megawatt megawatts amp amps hertz kilohertz megahertz gigahertz bit bits byte bytes
  kilobit kilobits kilobyte kilobytes megabit megabits megabyte megabytes gigabit gigabits gigabyte gigabytes
  terabyte terabytes calorie calories joule joules lumens horsepower decibel decibels knot knots square cubic
  dollar dollars euro euros cent cents yen yuan rupees bucks
`,
);
/** Plurals without an s, for single digits before nouns. */
export const plurals = set(
  "people children men women feet teeth mice geese sheep fish police dice oxen species series",
);
/** Words in -s, and others, that no number counts. */
export const notCounted = set(
  `
  is was has does this its his hers ours yours theirs us as thus yes always perhaps towards across plus minus
  versus besides unless less sometimes afterwards of or and to in on at by for from with that than then who
  which were are be
`,
);

/** What stands before the number of a thing: its digits are read one by one or in pairs, and a capital is no name. */
export const designators = set(
  `
  chapter room route flight highway interstate area apollo boeing airbus windows gate page channel number
  section unit apartment suite building platform bus line exit district precinct article verse psalm volume
  episode season level grade phase version class lane extension code pin password zip box lot cell seat row
  track act bowl formula agent english psych math code bill freeway street ad fahrenheit united delta error
  status
`,
);

/** After a number that was said digit by digit. */
export const codeNouns = set("error errors k page pages response status");

/** What the name of a street ends with. */
export const streets = set("street avenue road drive lane boulevard court place way square terrace highway");

/** After a hyphen: what makes "twenty" no plain number. */
export const vagueSuffixes = set(`odd some something somethings ish fold niner niners sixed aught
  ones twos threes fours fives sixes sevens eights nines`);

/** Before "hundred" and more: they say how many, roughly. */
export const quantifiers = set("a an few couple of several many some half the per dozen every other");

/** Phrases that stay although they hold numbers; the longest first among those with the same first word. */
export const idioms: ReadonlyMap<string, readonly (readonly string[])[]> = Map.groupBy(
  [
    "seven eleven",
    "nine eleven",
    "twenty twenty vision",
    "twenty twenty hindsight",
    "twenty twenty eyesight",
    "hindsight is twenty twenty",
    "hindsight being twenty twenty",
    "hindsight was twenty twenty",
    "twenty twenty cricket",
    "nine to five",
    "ten four",
    "fifty fifty",
    "ten to one",
    "a hundred to one",
    "a million to one",
    "forty winks",
    "forty niner",
    "forty niners",
    "catch twenty two",
    "a thousand and one",
    "a hundred and one things",
    "a million and one",
    "ten commandments",
    "twelve apostles",
    "hang ten",
    "the eleventh hour",
    "eleventh hour",
    "dressed to the nines",
    "forty five minutes of fame",
    "fifteen minutes of fame",
    "ten a penny",
    "nineteen to the dozen",
    "two to one",
  ].map((phrase) => phrase.split(" ")).sort((one, other) => other.length - one.length),
  (phrase) => phrase[0]!,
);

/** Last labels of domains. */
export const topDomains = set(
  `
  com org net edu gov mil int info biz io ai co app dev me tv us uk fr de nl it es eu ca au jp cn tw hk kr in
  br ru ch se no fi dk pl at be nz ie
`,
);
/** Words that are no part of a domain, or of the name in an address. */
export const noLabels = set(
  `
  the a an this that these those of and or to in at on by for from with is are was were be been my your his
  her our their its it i you he she we they me him us them go see visit website site page online here there
  now com about during dot
`,
);
export const noDomainTails = set("bubble boom bust era crash company companies startup startups stocks world");

/** What ordinals of streets, times and troops stand before: capitals make no name of those. */
export const ordinalNouns = set(
  `street avenue century amendment congress district circuit infantry division regiment airborne floor anniversary
  annual`,
);
