//! Reads JSON front to back and hands out one value at a time: for the tokenizer's files, which
//! have up to a million small values and need no tree. Strict: RFC 8259, valid UTF-8, no lone
//! surrogates.
//!
//! Every failure is one sentence with file and byte. Memory: one buffer for strings with escapes,
//! as long as the longest of them; nesting is bounded by `depth_max` and takes no stack.

const std = @import("std");
const errors = @import("../errors.zig");
const assert = std.debug.assert;

/// Deeper than any tokenizer file, and little enough for an array.
pub const depth_max = 64;

pub const Reader = struct {
    allocator: std.mem.Allocator,
    /// For messages: FOLDER/NAME.
    folder: []const u8,
    name: []const u8,
    bytes: []const u8,
    at: usize = 0,
    unescaped: std.ArrayList(u8) = .empty,

    pub fn deinit(self: *Reader) void {
        self.unescaped.deinit(self.allocator);
    }

    /// A failure at `self.at`; what is wrong comes first: "not valid JSON".
    pub fn fail(self: *const Reader, what: []const u8) errors.Error {
        const place = .{ self.folder, self.name, what, self.at };
        return errors.fail(error.Model, "{s}/{s}: {s} at byte {d}", place);
    }

    fn invalid(self: *const Reader) errors.Error {
        return self.fail("not valid JSON");
    }

    /// The next character that is not white space, not yet taken; 0 at the end.
    pub fn peek(self: *Reader) u8 {
        while (self.at < self.bytes.len) : (self.at += 1) {
            switch (self.bytes[self.at]) {
                ' ', '\t', '\r', '\n' => {},
                else => |byte| return byte,
            }
        }
        return 0;
    }

    /// Takes `byte`, which JSON demands here.
    fn take(self: *Reader, byte: u8) errors.Error!void {
        if (self.peek() != byte) return self.invalid();
        self.at += 1;
    }

    /// Takes the start of an object or array, which the caller (not JSON) demands here.
    fn begin(self: *Reader, bracket: u8, comptime what: []const u8) errors.Error!void {
        if (self.peek() != bracket) return self.fail("not " ++ what);
        self.at += 1;
    }

    pub fn beginObject(self: *Reader) errors.Error!void {
        return self.begin('{', "an object");
    }

    pub fn beginArray(self: *Reader) errors.Error!void {
        return self.begin('[', "an array");
    }

    /// The next key of the object begun, with its colon taken; null after its end. `count` starts
    /// at 0 and counts members. The key is valid until the next string is read.
    pub fn nextKey(self: *Reader, count: *u32) errors.Error!?[]const u8 {
        if (!try self.nextItem('}', count)) return null;
        const key = try self.string();
        try self.take(':');
        return key;
    }

    /// Whether the array begun has another value, which is then next; `count` as for nextKey.
    pub fn nextElement(self: *Reader, count: *u32) errors.Error!bool {
        return self.nextItem(']', count);
    }

    fn nextItem(self: *Reader, bracket: u8, count: *u32) errors.Error!bool {
        if (self.peek() == bracket) {
            self.at += 1;
            return false;
        }
        if (count.* > 0) try self.take(',');
        count.* += 1;
        return true;
    }

    /// The file has nothing more.
    pub fn end(self: *Reader) errors.Error!void {
        if (self.peek() != 0 or self.at < self.bytes.len) return self.invalid();
    }

    /// A string, valid until the next one is read.
    pub fn string(self: *Reader) errors.Error![]const u8 {
        if (self.peek() != '"') return self.fail("not a string");
        self.at += 1;
        const start = self.at;
        self.at = plainEnd(self.bytes, start);
        if (self.at == self.bytes.len) return self.invalid();
        switch (self.bytes[self.at]) {
            '"' => {},
            '\\' => return self.stringWithEscapes(start),
            else => return self.invalid(),
        }
        const result = self.bytes[start..self.at];
        if (!std.unicode.utf8ValidateSlice(result)) return self.invalid();
        self.at += 1;
        return result;
    }

    /// Where characters that a string may hold as they are end.
    fn plainEnd(bytes: []const u8, from: usize) usize {
        var at = from;
        while (bytes.len - at >= 16) : (at += 16) {
            const block: @Vector(16, u8) = bytes[at..][0..16].*;
            const ends = (block == splat16('"')) | (block == splat16('\\')) | (block < splat16(0x20));
            const mask: u16 = @bitCast(ends);
            if (mask != 0) return at + @ctz(mask);
        }
        while (at < bytes.len) : (at += 1) {
            const byte = bytes[at];
            if (byte == '"' or byte == '\\' or byte < 0x20) break;
        }
        return at;
    }

    fn splat16(byte: u8) @Vector(16, u8) {
        return @splat(byte);
    }

    fn stringWithEscapes(self: *Reader, start: usize) errors.Error![]const u8 {
        const result = &self.unescaped;
        result.clearRetainingCapacity();
        try self.append(self.bytes[start..self.at]);
        while (self.at < self.bytes.len) {
            const byte = self.bytes[self.at];
            if (byte < 0x20) return self.invalid();
            if (byte == '"') break;
            if (byte == '\\') {
                try self.escape();
            } else {
                try self.append(&.{byte});
                self.at += 1;
            }
        } else return self.invalid();
        if (!std.unicode.utf8ValidateSlice(result.items)) return self.invalid();
        self.at += 1;
        return result.items;
    }

    fn append(self: *Reader, bytes: []const u8) errors.Error!void {
        self.unescaped.appendSlice(self.allocator, bytes) catch
            return errors.outOfMemory("the tokenizer's files");
    }

    /// Takes one escape, and both halves of a surrogate pair.
    fn escape(self: *Reader) errors.Error!void {
        assert(self.bytes[self.at] == '\\');
        if (self.bytes.len - self.at < 2) return self.invalid();
        const byte: u8 = switch (self.bytes[self.at + 1]) {
            '"', '\\', '/' => |same| same,
            'b' => 8,
            'f' => 12,
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'u' => return self.escapeUnicode(),
            else => return self.invalid(),
        };
        self.at += 2;
        try self.append(&.{byte});
    }

    fn escapeUnicode(self: *Reader) errors.Error!void {
        const place = self.at;
        var code_point: u21 = try self.codeUnit();
        if (code_point >> 10 == 0xd800 >> 10) {
            const low: u21 = try self.codeUnit();
            if (low >> 10 == 0xdc00 >> 10) {
                code_point = 0x10000 + ((code_point & 0x3ff) << 10) + (low & 0x3ff);
            }
        }
        var buffer: [4]u8 = undefined;
        const bytes = std.unicode.utf8Encode(code_point, &buffer) catch {
            self.at = place; // Half a pair.
            return self.invalid();
        };
        try self.append(buffer[0..bytes]);
    }

    /// Takes \uXXXX.
    fn codeUnit(self: *Reader) errors.Error!u16 {
        const rest = self.bytes[self.at..];
        if (rest.len < 6 or rest[0] != '\\' or rest[1] != 'u') return self.invalid();
        var unit: u16 = 0;
        for (rest[2..6]) |digit| {
            const value = std.fmt.charToDigit(digit, 16) catch return self.invalid();
            unit = unit << 4 | value;
        }
        self.at += 6;
        return unit;
    }

    /// A whole number from 0 to `max`.
    pub fn integer(self: *Reader, max: u32) errors.Error!u32 {
        const first = self.peek();
        const start = self.at;
        if (first != '-' and !std.ascii.isDigit(first)) return self.fail("not a number");
        try self.skipNumber();
        var value: u64 = 0;
        for (self.bytes[start..self.at]) |digit| {
            if (std.ascii.isDigit(digit)) value = value * 10 + (digit - '0');
            if (std.ascii.isDigit(digit) and value <= max) continue;
            const what = "{s}/{s}: not a whole number up to {d} at byte {d}";
            return errors.fail(error.Model, what, .{ self.folder, self.name, max, start });
        }
        return @intCast(value);
    }

    pub fn boolean(self: *Reader) errors.Error!bool {
        switch (self.peek()) {
            't' => try self.word("true"),
            'f' => {
                try self.word("false");
                return false;
            },
            else => return self.fail("neither true nor false"),
        }
        return true;
    }

    fn word(self: *Reader, expected: []const u8) errors.Error!void {
        if (!std.mem.startsWith(u8, self.bytes[self.at..], expected)) return self.invalid();
        self.at += expected.len;
    }

    /// Takes one value of any kind. Still checks it.
    pub fn skip(self: *Reader) errors.Error!void {
        var closing: [depth_max]u8 = undefined;
        var depth: usize = 0;
        while (true) {
            const opened: ?u8 = switch (self.peek()) {
                '{' => '}',
                '[' => ']',
                else => null,
            };
            if (opened) |bracket| {
                if (depth == depth_max) return self.fail("nested too deep");
                self.at += 1;
                closing[depth] = bracket;
                depth += 1;
                if (self.peek() != bracket) {
                    if (bracket == '}') try self.skipKey();
                    continue;
                }
            } else try self.skipScalar();

            while (depth > 0 and self.peek() == closing[depth - 1]) {
                self.at += 1;
                depth -= 1;
            }
            if (depth == 0) return;
            try self.take(',');
            if (closing[depth - 1] == '}') try self.skipKey();
        }
    }

    fn skipKey(self: *Reader) errors.Error!void {
        _ = try self.string();
        try self.take(':');
    }

    fn skipScalar(self: *Reader) errors.Error!void {
        switch (self.peek()) {
            '"' => _ = try self.string(),
            't' => try self.word("true"),
            'f' => try self.word("false"),
            'n' => try self.word("null"),
            '-', '0'...'9' => try self.skipNumber(),
            else => return self.invalid(),
        }
    }

    fn skipNumber(self: *Reader) errors.Error!void {
        _ = self.skipByte("-");
        if (!self.skipByte("0")) try self.digits();
        if (self.skipByte(".")) try self.digits();
        if (self.skipByte("eE")) {
            _ = self.skipByte("+-");
            try self.digits();
        }
    }

    fn skipByte(self: *Reader, comptime any_of: []const u8) bool {
        if (self.at == self.bytes.len) return false;
        const byte = self.bytes[self.at];
        const found = inline for (any_of) |one| {
            if (byte == one) break true;
        } else false;
        if (found) self.at += 1;
        return found;
    }

    fn digits(self: *Reader) errors.Error!void {
        const start = self.at;
        while (self.at < self.bytes.len and std.ascii.isDigit(self.bytes[self.at])) self.at += 1;
        if (self.at == start) return self.invalid();
    }
};

fn readerOf(bytes: []const u8) Reader {
    return .{ .allocator = std.testing.allocator, .folder = "m", .name = "x.json", .bytes = bytes };
}

test "strings: escapes, pairs, and what is refused" {
    const good = [_][2][]const u8{
        .{ "\"\"", "" },
        .{ " \"a\u{e9}\"", "a\u{e9}" },
        .{ "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0041\\u00e9\"", "\"\\/\x08\x0c\n\r\tA\u{e9}" },
        .{ "\"x\\ud83d\\uDE00\\u0000y\"", "x\u{1f600}\x00y" },
    };
    for (good) |case| {
        var reader = readerOf(case[0]);
        defer reader.deinit();
        try std.testing.expectEqualStrings(case[1], try reader.string());
        try reader.end();
    }
    const bad = [_][]const u8{
        "",            "\"",          "\"a",                "\"\\",   "\"\\x\"",  "\"\\u12\"",
        "\"\\ud83d\"", "\"\\ude00\"", "\"\\ud83d\\u0041\"", "\"\n\"", "\"\xff\"", "\"\\n\xc3\"",
        "\"\\u12g4\"", "a",
    };
    for (bad) |text| {
        var reader = readerOf(text);
        defer reader.deinit();
        try std.testing.expectError(error.Model, reader.string());
    }
}

test "skip: takes whole values, refuses all else, and has a bounded depth" {
    const good = [_][]const u8{
        "{}",   "[]", "[[],{}]", "{\"a\":[1,{\"b\":null}],\"c\":\"\\n\"}", "-0.5e+7", "0", "true",
        " 10 ",
    };
    for (good) |text| {
        var reader = readerOf(text);
        defer reader.deinit();
        try reader.skip();
        try reader.end();
    }
    const bad = [_][]const u8{
        "{",   "[1",  "[1,]",  "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "[}",   "01 ", "-", "1.", "1e",
        "tru", "nul", "[1 2]", "{1:2}",   "]",        "",           "\x00", "'a'",
    };
    for (bad) |text| {
        var reader = readerOf(text);
        defer reader.deinit();
        try std.testing.expectError(error.Model, skipAll(&reader));
    }
    var deep = readerOf("[" ** 1000 ++ "]" ** 1000);
    try std.testing.expectError(error.Model, deep.skip());
    try std.testing.expectEqualStrings("m/x.json: nested too deep at byte 64", errors.message());
}

fn skipAll(reader: *Reader) errors.Error!void {
    try reader.skip();
    try reader.end();
}

test "members, elements and numbers" {
    var reader = readerOf(" { \"a\" : 7 , \"b\":[ true,false ] } ");
    defer reader.deinit();
    var members: u32 = 0;
    try reader.beginObject();
    try std.testing.expectEqualStrings("a", (try reader.nextKey(&members)).?);
    try std.testing.expectEqual(7, try reader.integer(7));
    try std.testing.expectEqualStrings("b", (try reader.nextKey(&members)).?);
    try reader.beginArray();
    var elements: u32 = 0;
    try std.testing.expect(try reader.nextElement(&elements));
    try std.testing.expect(try reader.boolean());
    try std.testing.expect(try reader.nextElement(&elements));
    try std.testing.expect(!try reader.boolean());
    try std.testing.expect(!try reader.nextElement(&elements));
    try std.testing.expectEqual(null, try reader.nextKey(&members));
    try reader.end();
    try std.testing.expectEqual(2, members);

    for ([_][]const u8{ "8", "-1", "1.0", "1e1", "99999999999", "\"1\"", "" }) |text| {
        var number = readerOf(text);
        try std.testing.expectError(error.Model, number.integer(7));
    }
}
