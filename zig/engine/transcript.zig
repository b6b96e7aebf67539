//! Generated tokens of one segment to text, and the texts of segments to one: what the program does in
//! src/text, in the simple form that the one-call functions of qwen_asr.h need.
//!
//! The model says "language English<asr_text>Hello." or "language None<asr_text>"; with a forced
//! language it goes straight to the text. Out come whole characters, without white space at either
//! end. A decoder that goes round in circles is found by its token ids. No I/O.

const std = @import("std");
const errors = @import("../errors.zig");
const assert = std.debug.assert;

const Allocator = std.mem.Allocator;

/// Tokens that may be generated for `seconds` of audio. Dense speech stays below 10 tokens a second in
/// every script, so 16 leaves room; the constant covers the header and short clips.
pub fn tokensMax(seconds: f64) u32 {
    return @max(64, @as(u32, @intFromFloat(@ceil(seconds * 16))) + 48);
}

/// Text that grows, segment after segment; what is new is `text.items[shown..]` of before.
pub const Transcript = struct {
    allocator: Allocator,
    text: std.ArrayList(u8) = .empty,
    /// Bytes of this segment that are not in `text` yet: its header, white space or half a character.
    held: std.ArrayList(u8) = .empty,
    in_text: bool = true,
    has_begun: bool = false,

    pub fn deinit(self: *Transcript) void {
        self.text.deinit(self.allocator);
        self.held.deinit(self.allocator);
    }

    /// `in_text`: no header comes first, the language is given.
    pub fn begin(self: *Transcript, in_text: bool) void {
        assert(self.held.items.len == 0);
        self.in_text = in_text;
        self.has_begun = false;
    }

    /// The token that ends the header.
    pub fn endHeader(self: *Transcript) void {
        if (!self.in_text) self.held.clearRetainingCapacity();
        self.in_text = true;
    }

    pub fn push(self: *Transcript, bytes: []const u8) errors.Error!void {
        self.held.appendSlice(self.allocator, bytes) catch return outOfMemory();
        if (self.in_text) try self.show();
    }

    /// No more tokens of this segment. Without an end of the header all of it was text, unless it is a
    /// header and nothing else.
    pub fn end(self: *Transcript) errors.Error!void {
        if (!self.in_text and !isBareHeader(self.held.items)) try self.show();
        self.held.clearRetainingCapacity();
    }

    /// Moves whole characters from `held` to `text`, but the white space at the end: more may follow.
    fn show(self: *Transcript) errors.Error!void {
        var at: usize = 0;
        var shown: usize = 0;
        while (nextCharacter(self.held.items[at..])) |character| {
            const space = isSpace(character.point);
            at += character.bytes;
            if (!space and !self.has_begun) try self.separate(character.point);
            if (!self.has_begun) {
                if (space) {
                    shown = at;
                    continue;
                }
                self.has_begun = true;
                try self.copy(self.held.items[at - character.bytes .. at], character.is_valid);
                shown = at;
            } else if (!space) {
                try self.copy(self.held.items[shown .. at - character.bytes], true);
                try self.copy(self.held.items[at - character.bytes .. at], character.is_valid);
                shown = at;
            }
        }
        self.held.replaceRangeAssumeCapacity(0, shown, &.{});
    }

    fn copy(self: *Transcript, bytes: []const u8, is_valid: bool) errors.Error!void {
        const said = if (is_valid) bytes else "\u{fffd}";
        self.text.appendSlice(self.allocator, said) catch return outOfMemory();
    }

    /// Between two segments: a space, unless a mark leans over the boundary or both sides are written
    /// without spaces.
    fn separate(self: *Transcript, right: u21) errors.Error!void {
        const left = lastCharacter(self.text.items) orelse return;
        if (closes(right) or opens(left) or isWidePunctuation(left) or isWidePunctuation(right)) return;
        if (isSpaceless(left) and isSpaceless(right)) return;
        self.text.append(self.allocator, ' ') catch return outOfMemory();
    }
};

fn outOfMemory() errors.Error {
    return errors.outOfMemory("the text");
}

/// "language English" or "language None", alone.
fn isBareHeader(header: []const u8) bool {
    var words = std.mem.tokenizeAny(u8, header, " \t\r\n");
    const first = words.next() orelse return false;
    if (!std.ascii.eqlIgnoreCase(first, "language")) return false;
    _ = words.next();
    return words.next() == null;
}

const Character = struct { point: u21, bytes: usize, is_valid: bool = true };

/// Null where the first character is not all there.
fn nextCharacter(text: []const u8) ?Character {
    const wrong: Character = .{ .point = 0xfffd, .bytes = 1, .is_valid = false };
    if (text.len == 0) return null;
    const length = std.unicode.utf8ByteSequenceLength(text[0]) catch return wrong;
    for (text[1..@min(length, text.len)]) |byte| if (byte & 0xc0 != 0x80) return wrong;
    if (text.len < length) return null;
    const point = std.unicode.utf8Decode(text[0..length]) catch return wrong;
    return .{ .point = point, .bytes = length };
}

fn lastCharacter(text: []const u8) ?u21 {
    if (text.len == 0) return null;
    var start = text.len - 1;
    while (start > 0 and text[start] & 0xc0 == 0x80) start -= 1;
    return std.unicode.utf8Decode(text[start..]) catch unreachable; // `copy` puts nothing else there.
}

fn within(point: u21, ranges: []const [2]u21) bool {
    for (ranges) |range| if (point >= range[0] and point <= range[1]) return true;
    return false;
}

fn isSpace(point: u21) bool {
    return within(point, &.{
        .{ 0x09, 0x0d },     .{ 0x20, 0x20 },     .{ 0xa0, 0xa0 },     .{ 0x1680, 0x1680 }, .{ 0x2000, 0x200a },
        .{ 0x2028, 0x2029 }, .{ 0x202f, 0x202f }, .{ 0x205f, 0x205f }, .{ 0x3000, 0x3000 }, .{ 0xfeff, 0xfeff },
    });
}

/// Letters of scripts without spaces between words, and what belongs to them: Thai, Lao, Burmese, Khmer,
/// kana, Bopomofo, Han, full-width forms.
fn isSpaceless(point: u21) bool {
    return within(point, &.{
        .{ 0x0e00, 0x0eff },   .{ 0x1000, 0x109f }, .{ 0x1780, 0x17ff }, .{ 0x19e0, 0x19ff }, .{ 0x2e80, 0x2fdf },
        .{ 0x3005, 0x3007 },   .{ 0x3021, 0x312f }, .{ 0x31a0, 0x31ff }, .{ 0x3400, 0x4dbf }, .{ 0x4e00, 0x9fff },
        .{ 0xa9e0, 0xa9fe },   .{ 0xaa60, 0xaa7f }, .{ 0xf900, 0xfaff }, .{ 0xff01, 0xff9f }, .{ 0x1b000, 0x1b16f },
        .{ 0x20000, 0x323af },
    });
}

/// It carries its own white space.
fn isWidePunctuation(point: u21) bool {
    return within(point, &.{
        .{ 0x3000, 0x3003 }, .{ 0x3008, 0x301f }, .{ 0x3030, 0x3030 }, .{ 0x30fb, 0x30fb }, .{ 0xfe30, 0xfe4f },
        .{ 0xff01, 0xff0f }, .{ 0xff1a, 0xff20 }, .{ 0xff3b, 0xff40 }, .{ 0xff5b, 0xff65 },
    });
}

/// Marks that lean on the word before them.
fn closes(point: u21) bool {
    return switch (point) {
        ',', '.', ';', ':', '!', '?', '%', ')', ']', '}', 0xbb, 0x2019, 0x201d, 0x203a, 0x2026 => true,
        0x0300...0x036f => true, // Combining.
        else => false,
    };
}

/// Marks that lean on the word after them.
fn opens(point: u21) bool {
    return switch (point) {
        '(', '[', '{', 0xa1, 0xab, 0xbf, 0x2018, 0x201c, 0x201e, 0x2039 => true,
        else => false,
    };
}

// ---------------------------------------------------------------------------------------- loops

const period_max = 32;
const loop_tokens_min = 24;
const suspect_repeats = 4;
const suspect_tokens_min = 8;

/// Finds the same 1 to 32 tokens over and over. Speech repeats itself too ("ha ha ha ha", a chorus), so
/// it is a loop only where nobody would say it: at least 24 tokens, and 20 repeats of a short cycle, 6
/// of a long one. The numbers are those of src/text/loop.ts.
pub const LoopDetector = struct {
    recent: [period_max]u32 = undefined,
    /// matches[p]: how many ids in a row, up to the last, equal the id p places before them.
    matches: [period_max + 1]u32 = @splat(0),
    count: usize = 0,

    /// A suspect may turn out to be a loop: its tokens should wait.
    pub const Verdict = enum { free, suspect, loop };

    pub fn push(self: *LoopDetector, id: u32) Verdict {
        var verdict: Verdict = .free;
        for (1..period_max + 1) |period| {
            const is_same = period <= self.count and self.recent[(self.count - period) % period_max] == id;
            self.matches[period] = if (is_same) self.matches[period] + 1 else 0;
            if (!is_same) continue;
            const length = self.matches[period] + period;
            if (length >= @max(loop_tokens_min, period * loopRepeats(period))) verdict = .loop;
            if (verdict == .free and length >= @max(suspect_tokens_min, period * suspect_repeats)) verdict = .suspect;
        }
        self.recent[self.count % period_max] = id;
        self.count += 1;
        return verdict;
    }

    /// 20 repeats up to 4 tokens, about 96 tokens above, at least 6.
    fn loopRepeats(period: usize) usize {
        return std.math.clamp((96 + period - 1) / period, 6, 20);
    }
};

// ----------------------------------------------------------------------------------------- tests

const testing = std.testing;

/// Pieces of segments; "|" is the end of a header, "/" the end of a segment.
fn expectText(expected: []const u8, in_text: bool, pieces: []const []const u8) !void {
    var transcript: Transcript = .{ .allocator = testing.allocator };
    defer transcript.deinit();
    transcript.begin(in_text);
    for (pieces) |piece| {
        if (std.mem.eql(u8, piece, "|")) {
            transcript.endHeader();
        } else if (std.mem.eql(u8, piece, "/")) {
            try transcript.end();
            transcript.begin(in_text);
        } else try transcript.push(piece);
        try testing.expect(std.unicode.utf8ValidateSlice(transcript.text.items));
    }
    try transcript.end();
    try testing.expectEqualStrings(expected, transcript.text.items);
}

test "headers go, white space at the ends goes, characters stay whole" {
    try expectText("Hello, you.", false, &.{ "language", " English", "|", " Hello", ",", " you", ".", " \n" });
    try expectText("", false, &.{ "language", " None", "|" });
    try expectText("", false, &.{" language  None\n"});
    try expectText("Just text.", false, &.{ " Just", " text." });
    try expectText("你好", true, &.{ "\xe4\xbd", "\xa0\xe5", "\xa5\xbd", "|" });
    try expectText("a\u{fffd}b", true, &.{ "a\xe4", "b" });
    try expectText("a\u{fffd}\u{fffd} b", true, &.{ "a\xff\xfe b", "\xe4\xbd" });
    try expectText("a  b", true, &.{ "\u{3000} a", " ", " ", "b", "\u{3000}", " " });
}

test "segments are joined as their scripts are written" {
    try expectText("One. Two", true, &.{ " One.", "/", " Two " });
    try expectText("你好世界", true, &.{ "你好", "/", "世界" });
    try expectText("你好 world", true, &.{ "你好", "/", "world" });
    try expectText("你好。world", true, &.{ "你好。", "/", "world" });
    try expectText("one, two", true, &.{ "one", "/", ", two", "/", "/", "  " });
    try expectText("(one", true, &.{ "(", "/", "one" });
}

test "loops are found, repetitions that are spoken are not" {
    for (1..period_max + 1) |period| {
        var detector: LoopDetector = .{};
        const most = @max(loop_tokens_min, period * LoopDetector.loopRepeats(period));
        for (0..most) |i| {
            const verdict = detector.push(@intCast(i % period));
            try testing.expectEqual(i + 1 == most, verdict == .loop);
        }
    }
    var detector: LoopDetector = .{};
    for (0..2000) |i| try testing.expect(detector.push(@intCast(i % 40)) == .free);
}

test "the budget of tokens" {
    try testing.expectEqual(@as(u32, 64), tokensMax(0));
    try testing.expectEqual(@as(u32, 64), tokensMax(1));
    try testing.expectEqual(@as(u32, 528), tokensMax(30));
    try testing.expectEqual(@as(u32, 208), tokensMax(9.95));
}
