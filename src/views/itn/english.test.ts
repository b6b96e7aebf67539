/** What English sentences become, and what stays; by class. */

import { expect, test } from "bun:test";
import { written } from "../piece.ts";
import { englishItn } from "./english.ts";

const write = (text: string, all = false): string => written(englishItn(text, { all }));

/** `spoken → written`, one a line. */
function table(name: string, lines: string, all = false): number {
  const cases = lines.trim().split("\n").map((line) => line.trim().split(" → ") as [string, string]);
  test(`${name}: ${cases.length} cases`, () => {
    expect(cases.map(([spoken]) => `${spoken} → ${write(spoken, all)}`)).toEqual(cases.map((one) => one.join(" → ")));
    expect(cases.map(([, text]) => write(text, all))).toEqual(cases.map(([, text]) => text));
  });
  return cases.length;
}

/** Sentences that stay as they are, one a line. */
function unchanged(name: string, lines: string, all = false): number {
  const cases = lines.trim().split("\n").map((line) => line.trim());
  test(`${name}: ${cases.length} cases that stay`, () => {
    expect(cases.map((text) => write(text, all))).toEqual(cases);
  });
  return cases.length;
}

const changed = [
  table(
    "cardinals",
    `
    There were ten people in the room. → There were 10 people in the room.
    Twenty-five people came. → 25 people came.
    TWENTY people came. → 20 people came.
    I have twenty one cats and thirteen dogs → I have 21 cats and 13 dogs
    A hundred and five people came. → 105 people came.
    We saw a hundred and twenty-three birds, not ninety-nine. → We saw 123 birds, not 99.
    It took two hundred fifty-six tries. → It took 256 tries.
    eleven hundred people → 1100 people
    twenty-five hundred copies → 2500 copies
    nineteen hundred and five of them → 1905 of them
    one thousand two hundred and thirty-four → 1234
    one thousand, two hundred and thirty-four → 1234
    ten thousand people → 10,000 people
    ninety-nine thousand nine hundred ninety-nine → 99,999
    a thousand five hundred men → 1500 men
    one hundred and twenty-three thousand, four hundred and fifty-six → 123,456
    a million two hundred thousand voters → 1,200,000 voters
    three million people → 3 million people
    fifty-seven billion stars → 57 billion stars
    two million and three → 2,000,003
    from one hundred to one thousand → from 100 to 1000
    the twelve apples, the thirteen pears → the 12 apples, the 13 pears
    She is twenty-two. He's forty. → She is 22. He's 40.
    Is it fifty? Sixty! “Seventy,” he said. → Is it 50? 60! “70,” he said.
    a twenty-year-old man and a five-year-old boy → a 20-year-old man and a five-year-old boy
    her twenty-five-year career → her 25-year career
    a twelve-step plan for eighteen-wheelers → a 12-step plan for 18-wheelers
    twenty five-year-olds played → 20 five-year-olds played
    three thirty-year-old men → three 30-year-old men
    two hundred two hundred → 200 200
    one hundred and one hundred and fifty → 100 and 150
    five lakh people and two crore rupees → 5 lakh people and 2 crore rupees
    Chapter Twenty-One begins here. → Chapter 21 begins here.
    the F-sixteen and the B-fifty-two → the F-16 and the B-52
    He scored twenty's double → He scored 20's double
    twenty—no, thirty → 20—no, 30
    wait...twenty of them → wait...20 of them
  `,
  ),
  table(
    "decimals",
    `
    Pi is three point one four. → Pi is 3.14.
    twenty-one point five → 21.5
    zero point five → 0.5
    point zero two → 0.02
    It grew by point five percent. → It grew by 0.5%.
    version two point eleven → version 2.11
    one point two million people → 1.2 million people
    one hundred point oh five → 100.05
    twelve thousand point five → 12,000.5
    two point five times faster → 2.5 times faster
    one two three point four megahertz → 123.4 megahertz
    three point two five seconds → 3.25 seconds
    two and a half million people → 2.5 million people
    one and a half billion → 1.5 billion
    twenty-two and a half years → 22.5 years
  `,
  ),
  table(
    "signs",
    `
    It is minus five degrees. → It is -5 degrees.
    minus twenty → -20
    Minus forty is cold. → -40 is cold.
    temperatures of minus two point five degrees → temperatures of -2.5 degrees
    negative twelve → -12
    It fell to minus thirty Celsius. → It fell to -30 Celsius.
    twenty minus five is fifteen → 20 minus five is 15
    plus or minus ten → plus or minus 10
  `,
  ),
  table(
    "ordinals",
    `
    the twenty-first century → the 21st century
    the tenth floor → the 10th floor
    his eleventh book, her twelfth, my thirteenth → his 11th book, her 12th, my 13th
    the twenty second president → the 22nd president
    the ninety-third minute → the 93rd minute
    one hundred and first → 101st
    the one hundredth time → the 100th time
    the two thousandth visitor → the 2000th visitor
    twenty-first-century problems → 21st-century problems
    on forty-second street → on 42nd street
    her fiftieth birthday → her 50th birthday
    a twentieth anniversary → a 20th anniversary
    a thirty-second ad → a 30-second ad
    a twenty second timeout → a 20 second timeout
  `,
  ),
  table(
    "years and decades",
    `
    In nineteen eighty-four it rained. → In 1984 it rained.
    twenty twenty-five → 2025
    in twenty ten → in 2010
    in two thousand and one → in 2001
    two thousand eight → 2008
    nineteen oh five → 1905
    twenty oh one → 2001
    in ten sixty-six → in 1066
    back in nineteen-ninety-nine → back in 1999
    the nineteen eighties → the 1980s
    the mid-nineteen-twenties → the mid-1920s
    the eighteen hundreds → the 1800s
    the two thousands → the 2000s
    the twenty tens → the 2010s
    eighteen twelve's war → 1812's war
    from nineteen fourteen to nineteen eighteen → from 1914 to 1918
    five hundred B.C. → 500 B.C.
  `,
  ),
  table(
    "dates",
    `
    on July twenty-fifth, two thousand twelve → on July 25, 2012
    July twenty-fifth two thousand twelve → July 25, 2012
    July fourth, seventeen seventy-six. → July 4, 1776.
    January first → January 1
    june thirty → june 30
    June five → June 5
    May twenty two thousand twelve → May 20, 2012
    May seventeen twenty ten → May 17, 2010
    July twenty five nineteen ninety → July 25, 1990
    March twelfth nineteen ninety → March 12, 1990
    in July twenty twelve → in July 2012
    march sixteen sixty five → march 1665
    the fifteenth of January → the 15th of January
    the fourth of July → the 4th of July
    the third of May, nineteen sixty → the 3rd of May, 1960
    the twenty-second of december two thousand four → the 22nd of december 2004
    On September eleventh, two thousand and one, → On September 11, 2001,
    from May third to June twenty-first → from May 3 to June 21
    February twenty-ninth → February 29
    Tuesday, August thirty-first, at noon → Tuesday, August 31, at noon
  `,
  ),
  table(
    "times",
    `
    at three thirty p.m. → at 3:30 p.m.
    at three thirty pm → at 3:30 p.m.
    at three thirty p m today → at 3:30 p.m. today
    We meet at three thirty PM. → We meet at 3:30 P.M.
    It is ten a.m. now. → It is 10 a.m. now.
    three p.m. → 3 p.m.
    from nine a.m. to five p.m. → from 9 a.m. to 5 p.m.
    eight oh six → 8:06
    at seven fifteen in the morning → at 7:15 in the morning
    the twelve forty-five train → the 12:45 train
    half past three → 3:30
    a quarter past nine → 9:15
    quarter to one → 12:45
    at twenty past five → at 5:20
    ten minutes to eleven p.m. → 10:50 p.m.
    five minutes past three → 3:05
    ten to eleven pm → 10:50 p.m.
    ten o'clock → 10 o'clock
    eleven fifty-nine p.m. e s t → 11:59 p.m. e s t
    eleven fifty nine p m e s t → 11:59 p.m. est
    See you at six forty-five. Bye. → See you at 6:45. Bye.
    at oh eight hundred hours → at 0800 hours
    fourteen hundred hours → 1400 hours
    John three sixteen → John 3:16
  `,
  ),
  table(
    "money",
    `
    It costs five dollars. → It costs $5.
    five dollars and twenty cents → $5.20
    twenty nine dollars fifty cents → $29.50
    That's nineteen dollars ninety-nine. → That's $19.99.
    one dollar → $1
    a dollar fifty → $1.50
    a dollar and twenty-five cents → $1.25
    a hundred dollars → $100
    two and a half million dollars → $2.5 million
    two point five million dollars → $2.5 million
    a million dollars → $1 million
    fifteen thousand dollars → $15,000
    one fifty five dollars → $155
    a twenty-dollar bill → a $20 bill
    two twenty dollar bills → two $20 bills
    two and a half dollars → $2.50
    three point five dollars → $3.50
    fifty cents → $0.50
    ten euros and five cents → €10.05
    thirty billion yen → ¥30 billion
    two million euros → €2 million
    She paid twenty pounds for it. → She paid £20 for it.
    three pounds fifty → £3.50
    five million pounds → £5 million
    twenty pounds of flour → 20 pounds of flour
    four united states dollars → $4
    twenty US dollars → $20
    twenty Canadian dollars → 20 Canadian dollars
    twenty bucks → 20 bucks
    five hundred rupees → 500 rupees
    two hundred billion won → ₩200 billion
    five to ten dollars → $5 to $10
    two to three million dollars → $2 to $3 million
    fifty dollars a day → $50 a day
  `,
  ),
  table(
    "percent",
    `
    twenty-five percent → 25%
    five percent of people → 5% of people
    three point five per cent → 3.5%
    three and a half percent → 3.5%
    a hundred percent → 100%
    zero percent → 0%
    five to ten percent → 5 to 10%
    minus two percent → -2%
    one hundred and ten percent → 110%
    a twenty-percent discount → a 20% discount
  `,
  ),
  table(
    "measures",
    `
    two hundred meters → 200 meters
    eighteen point five kilometers → 18.5 kilometers
    seventy-two degrees Fahrenheit → 72 degrees Fahrenheit
    sixty miles per hour → 60 miles per hour
    three sixty-five days → 365 days
    a three hundred foot tower → a 300 foot tower
    twenty-four hours a day → 24 hours a day
    open twenty-four seven → open 24/7
    zero point two meters → 0.2 meters
    point two meters → 0.2 meters
    sixteen gigabytes of memory → 16 gigabytes of memory
  `,
  ),
  table(
    "strings",
    `
    Call five five five one two three four. → Call 5551234.
    five-five-five, one-two-one-two → 555, 1212
    dial nine one one → dial 911
    one eight hundred five five five one two one two → 18005551212
    plus four four two oh seven nine four six oh → +442079460
    double oh seven → 007
    seven double nine one two three → 799123
    room three oh two → room 302
    flight one twenty-three → flight 123
    a Boeing seven forty-seven → a Boeing 747
    English one oh one → English 101
    Interstate ninety-five → Interstate 95
    area code four one five → area code 415
    extension one two three → extension 123
    code a b nine → code ab9
    one ninety two dot one sixty eight dot one dot one → 192.168.1.1
    version three dot eleven → version 3.11
    Apollo Eleven landed. → Apollo 11 landed.
    the S and P five hundred → the S and P 500
    oh four one two three four five six seven eight → 0412345678
  `,
  ),
  table(
    "addresses",
    `
    john dot smith at gmail dot com → john.smith@gmail.com
    Write to john dot smith at gmail dot com, please. → Write to john.smith@gmail.com, please.
    info at example dot org → info@example.org
    jane underscore doe one two three at yahoo dot co dot uk → jane_doe123@yahoo.co.uk
    my address is a b c at g mail dot com → my address is abc@gmail.com
    go to example dot com → go to example.com
    w w w dot example dot com slash news → www.example.com/news
    www dot example dot com → www.example.com
    https colon slash slash example dot com → https://example.com
    double u double u double u dot example dot com forward slash news → www.example.com/news
    triple w dot example dot org → www.example.org
    bill at hello dash world dot io → bill@hello-world.io
    visit us at example dot com → visit us at example.com
  `,
  ),
  table(
    "spans",
    `
    twenty to thirty → 20 to 30
    five to ten minutes → 5 to 10 minutes
    ten or eleven people → 10 or 11 people
    between five and ten → between 5 and 10
    between one hundred and two hundred → between 100 and 200
    nine out of ten dentists → 9 out of 10 dentists
    ten to twenty thousand → 10 to 20 thousand
    twenty to thirty million → 20 to 30 million
    ten by twelve feet → 10 by 12 feet
    five to twenty twenty-five → five to 2025
    from zero to sixty → from 0 to 60
  `,
  ),
  table(
    "sentences",
    `
    from two to three p.m. on Tuesday the fourteenth → from 2 to 3 p.m. on Tuesday the 14th
    between fifty and sixty thousand dollars → between 50 and 60 thousand dollars
    between two and three million people → between 2 and 3 million people
    He's five foot ten. → He's 5 foot 10.
    Dial one eight hundred four four four. → Dial 1800444.
    the Fourteenth Amendment on Forty-Second Street → the 14th Amendment on 42nd Street
    We went from zero to one hundred in three point two seconds. → We went from 0 to 100 in 3.2 seconds.
    one oh one Dalmatians → 101 Dalmatians
    She has ten million followers and twenty-five hundred posts. → She has 10 million followers and 2500 posts.
    four forty hertz → 440 hertz
    zero six thirty → 0630
    Twenty twenty-one was harder. → 2021 was harder.
    He was born on the third of March nineteen ninety-eight. → He was born on the 3rd of March 1998.
    I have twenty twenty-dollar bills. → I have 20 $20 bills.
    They paid three hundred thousand pounds for the house. → They paid £300,000 for the house.
    The odds are one in ten. → The odds are one in 10.
    My number is (four one five) five five five two six seven one. → My number is (415) 5552671.
    It's ten past nine. → It's 9:10.
    a two hundred-year-old tree → a 200-year-old tree
    My extension is four five six seven. → My extension is 4567.
    The password is one two three four. → The password is 1234.
    the eighteen-to-twenty-four age group → the 18-to-24 age group
    a blood pressure of one twenty over eighty → a blood pressure of 120 over 80
    hundred and fifty people → 150 people
    a ten-thirty meeting, or nine thirty-ish → a 10:30 meeting, or 9:30-ish
    ten eleven twelve → 10 11 12
    one two three five five → 12355
    a hundred million dollars → $100 million
    a hundred and one point five degrees → 101.5 degrees
    a four oh four error → a 404 error
    one twenty-three Main Street → 123 Main Street
    at twelve thirty-four Elm Park Road → at 1234 Elm Park Road
    November eleventh, eleven eleven a.m. → November 11, 11:11 a.m.
    nine slash eleven → 9/11
    one two three dot one two three dot o dot four o → 123.123.0.40
    in two thousand oh five → in 2005
    It's five five five, one two three four. → It's 555, 1234.
    call five five five, oh one nine nine → call 555, 0199
    version one dot two dot three → version 1.2.3
    fifty euro cents → 50 euro cents
    two thousand won the lottery → 2000 won the lottery
    from three to four thirty p.m. → from 3 to 4:30 p.m.
    in the early two thousands → in the early 2000s
    nineteen ninety nine dollars → $1999
    between ten and eleven a.m. → between 10 and 11 a.m.
    We had ten.Then came twenty more. → We had 10.Then came 20 more.
    the two hundred and fifty-first day → the 251st day
    the six million dollar man → the $6 million man
    seven hundred and fifty-three BC → 753 BC
    a V eight engine, ten miles → a V eight engine, 10 miles
    eight six seven five three oh nine → 8675309
    the September eleventh attacks → the September 11 attacks
    Friday the thirteenth → Friday the 13th
    Flight B A two eight six to gate thirteen → Flight BA286 to gate 13
    on a scale of one to ten → on a scale of 1 to 10
    The game starts at ten, not at seven. → The game starts at 10, not at seven.
    In the third quarter of twenty twenty-three → In the third quarter of 2023
    license plate A B C one two three → license plate ABC123
    Pope John the twenty-third → Pope John the 23rd
    the three thirty-second clips → the three 30-second clips
  `,
  ),
  table(
    "with all",
    `
    three dogs → 3 dogs
    three big dogs → 3 big dogs
    It took five minutes. → It took 5 minutes.
    at three o'clock → at 3 o'clock
    chapter three → chapter 3
    two people → 2 people
    a five-year-old boy → a 5-year-old boy
    one hour → 1 hour
    two to three weeks → 2 to 3 weeks
    zero degrees → 0 degrees
  `,
    true,
  ),
].reduce((sum, count) => sum + count, 0);

const kept = [
  unchanged(
    "small numbers",
    `
    one of them
    There were three people and five dogs.
    no one, no-one, someone, anyone, everyone
    one another
    the one I like
    two's company, three's a crowd
    one by one
    one or two of us
    a five-year-old boy
    It is three to two.
    three out of four
    at three o'clock
    five degrees
    one thing
    zero in on it
    a zero-sum game
    ground zero
    I have two, not four.
    the first, the second and the third
    first of all
    the third man
    a second chance, second to none, wait a second
    World War Two
    number one, page five
    five and a half
    three and a half hours
    one and a half
    two or three hundred
    one two
    one, two, three
    one two three go
    five four three two one
  `,
  ),
  unchanged(
    "idioms and names",
    `
    seven eleven
    Seven Eleven
    a seven-eleven on the corner
    nine eleven
    Ocean's Eleven
    Catch Twenty-Two
    a catch-twenty-two
    twenty twenty vision
    twenty-twenty vision
    Hindsight is twenty twenty.
    the forty-niners
    at sixes and sevens
    nine to five
    a dime a dozen
    a million thanks
    thanks a million
    one in a million
    a thousand times no
    a hundred people
    hundreds of thousands of people
    tens of thousands
    a couple hundred
    several thousand
    a few million
    fifty-fifty
    ten-four
    at the eleventh hour
    the ten commandments
    forty winks
    fifteen minutes of fame
    a thousand and one reasons
    twenty-odd people
    thirty-something
    a ten-fold rise
    the eighties
    the roaring twenties
    in her mid-thirties
    Twelve Monkeys is a film.
    Twenty One Pilots
    We saw Nineteen Eighty-Four.
    the Hundred Years' War
    Thirty Rock
    four score and seven
    two dozen eggs
    Fifty Cent
    my two cents
    Louis the Fourteenth
    One Hundred Years of Solitude
    One Hundred and One Dalmatians
    The Hundred Acre Wood
    The odds are a hundred to one.
    two to three thousand
    five to six hundred people
    temperatures in the nineties
    nine-to-five jobs
    from nine to five
    a few hundred people
    the five eighty-sixed guests
    forty niners
    in twenty-twos
    Friday the Thirteenth
    The Six Million Dollar Man
    Sixteen Hundred Pennsylvania Avenue
    half a million dollars
    a quarter of a million dollars
    another million dollars
    ten nine eight seven six five four three two one
    fourteen fifteen people
    the Thirty Years' War
    Blink One Eighty-Two
    Maroon Five
    under-eighteens
    two-by-four
    He owes me a hundred bucks.
    a mile and a half
    one-third, two-fifths
    Magnificent Seven
  `,
  ),
  unchanged(
    "words that look like numbers",
    `
    oh my
    Oh, no!
    Oh oh oh
    to, too and two
    for four, won one
    the point five people made
    at one point one of them left
    What is the point?
    At this point two men left.
    You may first try it.
    May I?
    we march second
    In July first responders came.
    two thirds of them
    one tenth of a second
    a quarter
    three quarters
    half a million
    half an hour
    minus the cost
    a grade of B minus
    the dot com bubble
    look at it
    dot the i
    email me at work
    John at home
    meet at noon
    the double standard
    plus one
    a dollar
    the euro
    he won
    two won, one lost
    five pounds
    one dollars
    per cent
    a negative one
    am I
    the three am I
    a m
  `,
  ),
  unchanged(
    "what is written",
    `
    25 people at 3:30 p.m. on July 25, 2012
    $2.5 million, 25%, the 1980s, the 21st century
    5 to 10 minutes
    twenty.com and @twenty and #ten
    five@gmail.com
    https://ten.example.com/twenty
    2.5 million dollars
    file_ten.txt
    -5 degrees
    3 dogs
  `,
  ),
  unchanged(
    "with all",
    `
    one of them
    no one
    two is enough
    three of us
    one another
    the three of them are here
    I have two and he has three.
  `,
    true,
  ),
].reduce((sum, count) => sum + count, 0);

test("the tables are as long as they should be", () => {
  expect(changed).toBeGreaterThanOrEqual(150);
  expect(kept).toBeGreaterThanOrEqual(80);
});
