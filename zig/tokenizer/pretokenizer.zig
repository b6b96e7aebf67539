//! Cuts text into the pieces that byte-pair encoding works on, as the Qwen2 pre-tokenizer does:
//!
//!     (?i:'s|'t|'re|'ve|'m|'ll|'d) | [^\r\n\p{L}\p{N}]?\p{L}+ | \p{N} | ?[^\s\p{L}\p{N}]+[\r\n]*
//!     | \s*[\r\n]+ | \s+(?!\S) | \s+                 (the fourth begins with an optional space)
//!
//! Here as a function over code points instead of a regex: every alternative is decided by the
//! first one or two characters, so nothing backtracks and the time is linear. Input: bytes, UTF-8
//! if all is well. Output: where the piece that starts at a place ends. No allocation, no state.
//!
//! A byte that is not part of valid UTF-8 counts as one character that is neither letter, number
//! nor white space, and stays as it is: nothing is lost, and a broken byte cannot stop a run.

const std = @import("std");
const tables = @import("unicode_tables.zig");
const assert = std.debug.assert;

const Class = enum { letter, number, space, newline, other };

const Char = struct {
    class: Class,
    code_point: u21,
    bytes: u3,

    const end: Char = .{ .class = .space, .code_point = 0, .bytes = 0 };

    fn is(self: Char, class: Class) bool {
        return self.bytes > 0 and self.class == class;
    }
};

/// The end of the piece that starts at `start`; always beyond it.
pub fn pieceEnd(text: []const u8, start: usize) usize {
    assert(start < text.len);
    const first = charAt(text, start);
    const second_at = start + first.bytes;
    const second = charAt(text, second_at);
    if (first.code_point == '\'') {
        if (contractionEnd(text, second_at)) |end| return end;
    }
    switch (first.class) {
        .letter => return runEnd(text, second_at, .letter),
        .number => return second_at,
        .newline => return spaceEnd(text, start),
        .space, .other => {},
    }
    if (second.is(.letter)) return runEnd(text, second_at, .letter);
    if (first.class == .other or (first.code_point == ' ' and second.is(.other))) {
        return runEnd(text, runEnd(text, second_at, .other), .newline);
    }
    return spaceEnd(text, start);
}

/// The end of s, t, m, d, re, ve or ll at `at`, whatever their case; null where none of them is.
/// U+017F, the long s, is an s when case is ignored, and the reference takes it for one.
fn contractionEnd(text: []const u8, at: usize) ?usize {
    const first = charAt(text, at);
    switch (first.code_point) {
        's', 'S', 't', 'T', 'm', 'M', 'd', 'D', 0x17f => return at + first.bytes,
        else => {},
    }
    if (text.len - at < 2) return null;
    const pair = [2]u8{ std.ascii.toLower(text[at]), std.ascii.toLower(text[at + 1]) };
    for ([_]*const [2]u8{ "re", "ve", "ll" }) |ending| {
        if (std.mem.eql(u8, &pair, ending)) return at + 2;
    }
    return null;
}

fn runEnd(text: []const u8, start: usize, class: Class) usize {
    var at = start;
    while (true) {
        const char = charAt(text, at);
        if (!char.is(class)) return at;
        at += char.bytes;
    }
}

/// White space up to its last newline; without one all but its last character, which goes with the
/// word after it; all of it where nothing follows or there is only one.
fn spaceEnd(text: []const u8, start: usize) usize {
    var at = start;
    var last_start = start;
    var newline_end: ?usize = null;
    while (true) {
        const char = charAt(text, at);
        if (!char.is(.space) and !char.is(.newline)) break;
        last_start = at;
        at += char.bytes;
        if (char.class == .newline) newline_end = at;
    }
    assert(at > start);
    if (newline_end) |end| return end;
    if (at == text.len or last_start == start) return at;
    return last_start;
}

/// The character at `at`; of zero bytes at the end of the text.
fn charAt(text: []const u8, at: usize) Char {
    if (at == text.len) return .end;
    const byte = text[at];
    if (byte < 0x80) return .{ .class = ascii_classes[byte], .code_point = byte, .bytes = 1 };
    const broken: Char = .{ .class = .other, .code_point = 0xfffd, .bytes = 1 };
    const bytes = std.unicode.utf8ByteSequenceLength(byte) catch return broken;
    if (text.len - at < bytes) return broken;
    const code_point = std.unicode.utf8Decode(text[at..][0..bytes]) catch return broken;
    return .{ .class = classOf(code_point), .code_point = code_point, .bytes = bytes };
}

const ascii_classes: [128]Class = classes: {
    @setEvalBranchQuota(20_000);
    var classes: [128]Class = undefined;
    for (&classes, 0..) |*class, byte| class.* = classOf(byte);
    break :classes classes;
};

fn classOf(code_point: u21) Class {
    if (code_point == '\r' or code_point == '\n') return .newline;
    if (contains(&tables.letters, code_point)) return .letter;
    if (contains(&tables.numbers, code_point)) return .number;
    if (contains(&tables.spaces, code_point)) return .space;
    return .other;
}

fn contains(ranges: []const tables.Range, code_point: u21) bool {
    var low: usize = 0;
    var high = ranges.len;
    while (low < high) {
        const middle = (low + high) / 2;
        if (ranges[middle][1] < code_point) low = middle + 1 else high = middle;
    }
    return low < ranges.len and ranges[low][0] <= code_point;
}

test "the tables are sorted, disjoint, and as large as Unicode 16.0 says" {
    const sizes = [_]usize{ 141_028, 1_911, 25 };
    const all = [_][]const tables.Range{ &tables.letters, &tables.numbers, &tables.spaces };
    for (all, sizes) |ranges, size| {
        var count: usize = 0;
        var previous: i32 = -2;
        for (ranges) |range| {
            try std.testing.expect(range[0] > previous + 1); // Maximal ranges leave a gap.
            try std.testing.expect(range[0] <= range[1]);
            count += range[1] - range[0] + 1;
            previous = range[1];
        }
        try std.testing.expectEqual(size, count);
    }
}

test "pieces: each alternative, and where they compete" {
    const cases = [_][]const u8{
        "Hello| world",
        "I|'ve| it|'LL| we|'Re|'s|alad|'x|'",
        "'\u{17f}|x| '|s",
        "don|'t|'r|'v|'l",
        "a|1|2|٣|½| |7",
        "x|  | y|   |",
        "x|  \n|  | y|\r\n \n|z",
        "hi|!!\r\n\n| | ok| ?!\n| \n|",
        "\t|\tword|\tword|\n|word",
        "$word|$$|word| $|5",
        "\u{3000}日本|、語|\u{a0}|\u{a0}x",
        "e|\u{301}\u{301}|x|\u{301}x",
        "क|\u{94d}ष|\u{93f}",
        "👩\u{200d}👩\u{200d}👧| 👍🏽|",
        "\u{85}|\u{2028}x|\u{feff}x|\u{200b}|1",
        "a|\xff\xc3| \xe2\x82\xed\xa0\x80|b|\xf0\x9f\x98|z|\xffz",
    };
    for (cases) |case| try expectPieces(case);
}

/// `marked` has a bar after every piece but the last one.
fn expectPieces(marked: []const u8) !void {
    var buffer: [100]u8 = undefined;
    const bars = std.mem.count(u8, marked, "|");
    _ = std.mem.replace(u8, marked, "|", "", &buffer);
    const text = buffer[0 .. marked.len - bars];
    var pieces = std.mem.tokenizeScalar(u8, marked, '|');
    var at: usize = 0;
    while (at < text.len) {
        const end = pieceEnd(text, at);
        try std.testing.expectEqualStrings(pieces.next() orelse "nothing", text[at..end]);
        at = end;
    }
    try std.testing.expectEqual(null, pieces.next());
}
